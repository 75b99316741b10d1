import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, describe, it } from 'node:test';
import { register } from '@flotilla/discovery';
import { startRegistry } from '@flotilla/discovery/registry';
import { systemClock } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { listen, QUIET } from '../../test/backends.ts';
import type { DiscoveryConfig } from '../model.ts';
import { createTimers } from '../time/timers.ts';
import type { InstanceSource } from './instance-source.ts';
import { createServiceSources, type ServiceSources } from './service-sources.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const timers = createTimers();

interface FakeConsul {
  /** Registered, but not healthy. */
  sick: readonly number[];
  readonly port: number;
  readonly requests: { readonly url: string; readonly token: string | undefined }[];
  ports: readonly number[];
  mode: 'blocking' | 'immediate' | 'broken' | 'garbage';
  set(ports: readonly number[]): void;
}

async function startConsul(mode: FakeConsul['mode']): Promise<FakeConsul> {
  let index = 5;
  const waiting = new Set<ServerResponse>();
  const answer = (response: ServerResponse, isAll = false): void => {
    const entries = [...fake.ports, ...(isAll ? fake.sick : [])].map((port) => ({
      Node: { Node: 'srv1.nowhere.invalid', Address: '127.0.0.1' },
      Service: { ID: `i${port}`, Address: '', Port: port, Tags: ['v2', 7], Weights: { Passing: 5 } },
    }));
    const headers = { 'x-consul-index': String(fake.mode === 'immediate' ? 1 : index) };
    response.writeHead(fake.mode === 'broken' ? 500 : 200, headers);
    response.end(fake.mode === 'garbage' ? '{"not":"a list"}' : JSON.stringify(entries));
  };
  const { port, close } = await listen((request: IncomingMessage, response) => {
    fake.requests.push({
      url: request.url ?? '',
      token: request.headers['x-consul-token'] as string | undefined,
    });
    const { searchParams } = new URL(request.url ?? '', 'http://x');
    const asked = searchParams.get('index');
    if (fake.mode === 'blocking' && Number(asked) === index) waiting.add(response);
    else answer(response, !searchParams.has('passing'));
  });
  cleanups.push(close);
  const fake: FakeConsul = {
    port,
    mode,
    requests: [],
    ports: [],
    sick: [],
    set: (ports) => {
      fake.ports = ports;
      index += 1;
      for (const response of waiting) answer(response);
      waiting.clear();
    },
  };
  return fake;
}

type Followed = InstanceSource & { readonly end: () => Promise<void> };

function follow(consul: Pick<FakeConsul, 'port'>, more: Partial<DiscoveryConfig> = {}): Followed {
  const sources = createServiceSources({
    discovery: {
      type: 'Consul',
      url: `http://127.0.0.1:${consul.port}`,
      token: undefined,
      pollingIntervalMs: 100,
      namespace: undefined,
      usesNodeName: false,
      ...more,
    },
    timers,
    clock: systemClock,
    logger: QUIET,
  });
  cleanups.push(sources.close);
  return sourceOf(sources, 'my order');
}

/** A view of one source: its properties are read when they are asked for. */
function sourceOf(sources: ServiceSources, service: string): Followed {
  const source = sources.of(service, undefined);
  return {
    get isHopeful() {
      return source.isHopeful;
    },
    current: source.current,
    load: source.load,
    end: sources.close,
  };
}

async function known(source: InstanceSource): Promise<string> {
  return (source.current() ?? (await source.load())).map(({ port }) => port).join(',');
}

const becomes = (source: InstanceSource, ports: string) =>
  eventually(`it is ${ports}`, async () => (await known(source)) === ports);

describe('Consul', () => {
  it('an instance is at its own address, and at the name of its node when the configuration wants that', async () => {
    const consul = await startConsul('blocking');
    consul.ports = [1];
    assert.deepEqual(await follow(consul).load(), [
      { id: 'i1', host: '127.0.0.1', port: 1, weight: 5, zone: undefined, tags: ['v2'] },
    ]);
    assert.equal((await follow(consul, { usesNodeName: true }).load())[0]?.host, 'srv1.nowhere.invalid');
  });

  it('another provider takes the place of the first, and names that clients make up are forgotten', async () => {
    const [first, second] = [await startConsul('blocking'), await startConsul('blocking')];
    first.ports = [1];
    second.ports = [2];
    const discovery = (port: number) => ({
      ...{ type: 'Consul' as const, url: `http://127.0.0.1:${port}`, token: undefined },
      ...{ pollingIntervalMs: 100, namespace: undefined, usesNodeName: false },
    });
    const deps = { timers, clock: systemClock, logger: QUIET };
    const sources = createServiceSources({ discovery: discovery(first.port), ...deps });
    cleanups.push(sources.close);
    const before = sources.of('order', undefined);
    assert.equal(await known(before), '1');
    assert.equal(sources.of('order', undefined), before);
    sources.use(discovery(second.port));
    assert.equal(await known(sources.of('order', undefined)), '2');
    for (let made = 0; made < 1_001; made += 1) sources.of(`made up ${made}`, undefined);
    const kept = sources.of('order', undefined);
    assert.equal(await known(kept), '2');
  });

  it('a change is known at once by a blocking query, without asking meanwhile', async () => {
    const consul = await startConsul('blocking');
    consul.ports = [1, 2];
    const source = follow(consul, { token: 'secret', namespace: 'shop' });
    assert.equal(source.current(), undefined);
    assert.equal(await known(source), '1,2');
    assert.deepEqual(consul.requests[0], {
      url: '/v1/health/service/my%20order?passing&ns=shop',
      token: 'secret',
    });
    const asked = await eventually('it waits', () => {
      return consul.requests.at(-1)?.url.includes('&index=5&wait=30s') && consul.requests.length;
    });
    assert.equal(source.current(), source.current(), 'the same list while nothing changed');
    consul.set([2, 3]);
    await becomes(source, '2,3');
    assert.ok(consul.requests.length <= asked + 2);
  });

  it('a registry that does not block is asked twice a second', async () => {
    const consul = await startConsul('immediate');
    consul.ports = [1];
    const startedAtMs = performance.now();
    const source = follow(consul);
    await becomes(source, '1');
    await eventually('it is asked again', () => consul.requests.length >= 5);
    const asked = consul.requests.length;
    const most = 3 + (performance.now() - startedAtMs) / 400;
    assert.ok(asked <= most, `${asked} questions: without a storm`);
    consul.set([2]);
    await becomes(source, '2');
  });

  it('PollConsul asks each interval and never waits', async () => {
    const consul = await startConsul('blocking');
    consul.ports = [1];
    const source = follow(consul, { type: 'PollConsul' });
    await becomes(source, '1');
    consul.ports = [4];
    await becomes(source, '4');
    assert.ok(consul.requests.every(({ url }) => !url.includes('index=')));
  });

  it('the last good answer stays while the registry is broken or talks nonsense', async () => {
    const consul = await startConsul('immediate');
    consul.ports = [1];
    const source = follow(consul, { type: 'PollConsul', pollingIntervalMs: 10 });
    await becomes(source, '1');
    for (const mode of ['broken', 'garbage'] as const) {
      consul.mode = mode;
      const before = consul.requests.length;
      await eventually('it was asked', () => consul.requests.length > before + 1);
      assert.equal(await known(source), '1');
    }
    consul.mode = 'immediate';
    consul.set([2]);
    await becomes(source, '2');
  });

  it('a registry that comes back empty is not believed at once', async () => {
    const consul = await startConsul('immediate');
    consul.ports = [1];
    const source = follow(consul, { type: 'PollConsul', pollingIntervalMs: 10 });
    await becomes(source, '1');
    consul.mode = 'broken';
    const before = consul.requests.length;
    await eventually('it was asked', () => consul.requests.length > before + 1);
    consul.ports = [];
    consul.mode = 'immediate';
    const back = consul.requests.length;
    await eventually('it was asked', () => consul.requests.length > back + 2);
    assert.equal(await known(source), '1');
  });

  it('a service without instances is not followed, asked about once in a while, and seen when it comes', async () => {
    const consul = await startConsul('blocking');
    const source = follow(consul);
    assert.equal(await known(source), '');
    assert.deepEqual(source.current(), []);
    const asked = consul.requests.length;
    await Promise.all([source.load(), source.load()]);
    assert.equal(consul.requests.length, 2 * asked, 'one question for all who ask at the same time');
    consul.ports = [9];
    await becomes(source, '9');
    await eventually('it waits', () => consul.requests.at(-1)?.url.includes('index='));
    consul.set([]);
    await becomes(source, '');
  });

  it('there is no hope for a service that is not registered, and some for one that is not healthy', async () => {
    const consul = await startConsul('blocking');
    const source = follow(consul, { namespace: 'shop' });
    assert.equal(source.isHopeful, true, 'nobody has been asked');
    await source.load();
    assert.equal(source.isHopeful, false);
    assert.equal(consul.requests.at(-1)?.url, '/v1/health/service/my%20order?ns=shop');
    consul.sick = [9];
    await source.load();
    assert.equal(source.isHopeful, true);
    consul.sick = [];
    await source.load();
    assert.equal(source.isHopeful, false);
    consul.ports = [9];
    await becomes(source, '9');
    await eventually('it waits', () => consul.requests.at(-1)?.url.includes('index='));
    consul.set([]);
    await becomes(source, '');
    assert.equal(source.isHopeful, true, 'it has just gone');
  });

  it('there is hope as long as the registry does not answer', async () => {
    const consul = await startConsul('broken');
    const source = follow(consul);
    await source.load();
    assert.equal(source.isHopeful, true);
  });

  it('follows the embedded registry: a service that comes, and one that goes', async () => {
    const registry = await startRegistry({ port: 0 });
    cleanups.push(registry.close);
    const at = { url: registry.url, service: 'my order', host: '127.0.0.1', logger: QUIET };
    const first = await register({ ...at, id: 'a', port: 4001 });
    cleanups.push(first.deregister);
    const source = follow({ port: Number(new URL(registry.url).port) });
    await becomes(source, '4001');
    const second = await register({ ...at, id: 'b', port: 4002 });
    await becomes(source, '4001,4002');
    await second.deregister();
    await becomes(source, '4001');
  });

  it('a registry that is not there is no instance, and no error', async () => {
    const consul = await startConsul('blocking');
    await cleanups.shift()?.();
    assert.equal(await known(follow(consul)), '');
  });
});
