import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { type Logger, silentLogger } from '@flotilla/telemetry';
import { NO_NAMESPACES, type StandIn, startStandIn } from '../../test/consul.ts';
import { type ConsulResolverOptions, createConsulResolver, createConsulWatches } from './consul-resolver.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function consul(): Promise<StandIn> {
  const standIn = await startStandIn();
  cleanups.push(standIn.close);
  return standIn;
}

function resolverOf({ url }: StandIn, options: Partial<ConsulResolverOptions> = {}) {
  const resolver = createConsulResolver({ url, ...options });
  cleanups.push(resolver.close);
  const ports = async (service = 'order') => (await resolver.resolve(service)).map(({ port }) => port).join();
  return { ...resolver, ports, become: becomes(ports) };
}

const becomes = (ports: (service?: string) => Promise<string>) => (wanted: string) =>
  eventually(`it is ${wanted}`, async () => (await ports()) === wanted);

describe('against a Consul as it is', () => {
  it('an instance is at its own address, else at that of its node; by its name only when that is wanted', async () => {
    const server = await consul();
    server.set('order', [1, 2]);
    const hosts = async (options: Partial<ConsulResolverOptions>) =>
      (await resolverOf(server, options).resolve('order')).map(({ host }) => host);
    assert.deepEqual(await hosts({}), ['127.0.0.1', '127.0.0.2']);
    assert.deepEqual(await hosts({ usesNodeName: true }), ['srv1.nowhere.invalid', 'srv1.nowhere.invalid']);
    assert.deepEqual(await hosts({ isCallable: (host) => host !== '127.0.0.1' }), ['127.0.0.2']);
  });

  it('sees what comes after a restart without memory, although its index was higher', async () => {
    const server = await consul();
    server.set('order', [1]);
    const order = resolverOf(server);
    await order.become('1');
    await eventually('it waits', () => server.held.size === 1);
    server.restart();
    assert.equal(await order.ports(), '1', 'a registry that comes back empty is not believed at once');
    server.set('order', [3]); // index 12, where it had seen 82
    await eventually('the new one', async () => (await order.ports()).includes('3'));
    assert.ok(server.requests.some((url) => url.includes('index=82')));
    assert.ok(!server.requests.slice(2).some((url) => url.includes('index=82')), 'never again');
  });

  it('keeps what it knew while the server fails, stalls or talks nonsense, and goes on when it is back', async () => {
    const server = await consul();
    server.set('order', [1]);
    const order = resolverOf(server, { waitSeconds: 1, firstAnswerTimeoutMs: 100 });
    await order.become('1');
    for (const mode of ['broken', 'html', 'silent'] as const) {
      server.mode = mode;
      for (const { response } of server.held as ReadonlySet<{ response: { destroy(): void } }>)
        response.destroy();
      const asked = server.requests.length;
      await eventually('it was asked', () => server.requests.length > asked + 1);
      assert.equal(await order.ports(), '1', mode);
    }
    server.mode = 'healthy';
    server.set('order', [1, 5]);
    await order.become('1,5');
  });

  it('a server that names no index is asked again and again, without a storm', async () => {
    const server = await consul();
    server.mode = 'no-index';
    server.set('order', [1]);
    const startedAtMs = performance.now();
    const order = resolverOf(server);
    await order.become('1');
    server.set('order', [3]);
    await order.become('3');
    assert.ok(server.requests.every((url) => !url.includes('index=')));
    const most = 3 + (performance.now() - startedAtMs) / 400;
    assert.ok(server.requests.length <= most, `${server.requests.length} questions`);
  });

  it('two hundred services are followed over a bounded number of connections', async () => {
    const server = await consul();
    const order = resolverOf(server, { maxWatches: 5 });
    const services = Array.from({ length: 200 }, (_, number) => `service-${number}`);
    for (const service of services) server.set(service, [1]);
    for (const service of services) assert.equal(await order.ports(service), '1');
    await eventually('five wait', () => server.held.size === 5);
    for (const service of services) server.set(service, [3]);
    for (const service of services)
      await eventually(`${service} moves`, async () => (await order.ports(service)) === '3');
    assert.ok(server.connections.most <= 5 + 4, `${server.connections.most} connections`);
  });

  it('the log has the words of a server that refuses the namespace', async () => {
    const server = await consul();
    const lines: string[] = [];
    const logger: Logger = {
      ...silentLogger,
      warn: (fields) => lines.push(String((fields as { err?: Error }).err?.message)),
    };
    const order = resolverOf(server, { namespace: 'shop', firstAnswerTimeoutMs: 200, logger });
    await assert.rejects(order.resolve('order'), { code: 'DISCOVERY_UNAVAILABLE' });
    const [told] = await eventually('it is told', () => lines.length > 0 && lines);
    assert.equal(told, `the registry responded 400: ${NO_NAMESPACES}`);
  });

  it('of a registry that never responded one question at a time is on its way, and only the first holds callers up', async () => {
    const server = await consul();
    server.mode = 'silent';
    const watches = createConsulWatches({ url: server.url, firstAnswerTimeoutMs: 50 });
    cleanups.push(watches.close);
    const watch = watches.watch('order', { isPermanent: false });
    assert.deepEqual(await watch.load(), []);
    await eventually('it was asked', () => server.requests.length > 0);
    server.set('order', [7]);
    const before = server.requests.length;
    // Nobody answers these, and they are there all the same.
    assert.deepEqual(await Promise.all([watch.load(), watch.load(), watch.load()]), [[], [], []]);
    assert.ok(server.requests.length <= before + 1, 'one question for all');
    server.mode = 'healthy';
    await eventually('it is heard', async () => (watch.current() ?? (await watch.load())).length === 1);
  });

  it('a server that accepts and never responds holds nobody up beyond the deadline, all who ask share one', async () => {
    const server = await consul();
    server.mode = 'silent';
    const order = resolverOf(server, { firstAnswerTimeoutMs: 50 });
    const asked = Array.from({ length: 20 }, () => order.resolve('order'));
    for (const { status } of await Promise.allSettled(asked)) assert.equal(status, 'rejected');
    assert.ok(server.requests.length <= 2, `${server.requests.length} questions`);
  });
});
