import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createStaticResolver, type Endpoint, type Resolver } from '@flotilla/discovery';
import { systemClock } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { ejectionMs } from '@flotilla/resilience';
import { createMetrics } from '@flotilla/telemetry';
import {
  createManualTimers,
  createPlainBackendClient,
  exchangeWith,
  hosts,
  listen,
  QUIET,
  routeWith,
  UNTRIED,
} from '../../test/backends.ts';
import type { RouteConfig } from '../model.ts';
import type { HealthConfig } from '../policies/health-check/config.ts';
import type { CallOutcome } from './backends.ts';
import { createBackends } from './create-backends.ts';
import { nextHealth } from './probes.ts';

function start(resolver?: Resolver) {
  const timers = createManualTimers();
  const metrics = createMetrics();
  const backends = createBackends({
    config: { routes: [], discovery: undefined, dynamic: undefined },
    backendClient: createPlainBackendClient(),
    timers,
    clock: systemClock,
    logger: QUIET,
    metrics,
    random: () => 0.5,
    ...(resolver && { resolver }),
  });
  const pick = (route: RouteConfig) => backends.poolFor(route).pick(exchangeWith(), UNTRIED);
  const ports = async (route: RouteConfig, count = 4) => {
    const picked: (number | undefined)[] = [];
    for (let at = 0; at < count; at += 1) picked.push((await pick(route))?.origin.port);
    return picked.join(',');
  };
  /** Calls the next instance. */
  const call = async (route: RouteConfig, outcomeOf: (port: number) => CallOutcome) => {
    const backend = await pick(route);
    assert.ok(backend);
    backends.poolFor(route).began(backend);
    backends.poolFor(route).ended(backend, outcomeOf(backend.origin.port), 1);
  };
  return { backends, timers, metrics, ports, call };
}

const PASSIVE = { consecutiveFailures: 2, ejectionMs: 1000, maxEjectedPercent: 50 };

function guarded(ports: readonly number[], passive: HealthConfig['passive'] = PASSIVE): RouteConfig {
  return routeWith({
    target: { kind: 'hosts', hosts: hosts(...ports) },
    health: { active: undefined, passive },
  });
}

describe('outliers', () => {
  const failing = (bad: readonly number[]) => (port: number) => (bad.includes(port) ? 'failed' : 'answered');

  it('are left out after consecutive failures and come back, later each time', async () => {
    const { ports, call, timers, metrics } = start();
    const route = guarded([1, 2]);
    for (let count = 0; count < 4; count += 1) await call(route, failing([1]));
    assert.equal(await ports(route), '2,2,2,2');
    assert.match(metrics.render(), /gateway_ejections_total\{server_instance="http:\/\/127\.0\.0\.1:1"\} 1/);
    timers.advance(1000);
    assert.match(await ports(route), /1/);
    for (let count = 0; count < 4; count += 1) await call(route, failing([1]));
    timers.advance(1999);
    assert.equal(await ports(route), '2,2,2,2', 'twice as long');
    timers.advance(1);
    assert.match(await ports(route), /1/);
    timers.advance(20_000);
    for (let count = 0; count < 4; count += 1) await call(route, failing([1]));
    timers.advance(1000);
    assert.match(await ports(route), /1/, 'after a calm time as short as at first');
  });

  it('a success in between, or a client that goes away, is no reason', async () => {
    const { ports, call } = start();
    const route = guarded([1, 2]);
    for (const outcome of ['failed', 'answered', 'failed', 'abandoned'] as const)
      for (let count = 0; count < 2; count += 1)
        await call(route, (port) => (port === 1 ? outcome : 'answered'));
    assert.match(await ports(route), /1/);
  });

  it('never more than the share, of two one', async () => {
    const { ports, call, backends } = start();
    const route = guarded([1, 2, 3, 4]);
    for (let count = 0; count < 20; count += 1) await call(route, () => 'not-connected');
    assert.equal(new Set((await ports(route)).split(',')).size, 2);
    const lone = { ...guarded([7]), name: '/lone' };
    for (let count = 0; count < 20; count += 1) await call(lone, () => 'failed');
    assert.equal(await ports(lone, 1), '7');
    assert.equal(backends.states()[1]?.instances[0]?.state, 'usable', 'of one none');
  });

  it('when all are out all are in, but for what an operator took out', async () => {
    const { ports, call, backends } = start();
    const route = guarded([1, 2], { ...PASSIVE, maxEjectedPercent: 100 });
    for (let count = 0; count < 8; count += 1) await call(route, () => 'failed');
    assert.deepEqual(
      backends.states()[0]?.instances.map(({ state }) => state),
      ['ejected', 'ejected'],
    );
    assert.equal(new Set((await ports(route)).split(',')).size, 2);
    assert.equal(backends.eject('http://127.0.0.1:1'), true);
    assert.equal(await ports(route, 2), '2,2');
    backends.eject('http://127.0.0.1:2');
    assert.equal(await ports(route, 1), '', 'the operator has the last word');
    assert.equal(backends.restore('http://127.0.0.1:2'), true);
    assert.equal(await ports(route, 1), '2');
    assert.equal(backends.eject('http://127.0.0.1:99'), false);
  });

  it('an operator who takes out an ejected instance is not overruled when the ejection ends', async () => {
    const { ports, call, backends, timers } = start();
    const route = guarded([1, 2]);
    for (let count = 0; count < 4; count += 1) await call(route, failing([1]));
    backends.eject('http://127.0.0.1:1');
    timers.advance(1000);
    assert.equal(await ports(route, 2), '2,2');
    assert.equal(backends.states()[0]?.instances[0]?.state, 'held-out');
  });

  it('the time grows up to five minutes', () => {
    assert.deepEqual(
      [1, 2, 3].map((streak) => ejectionMs(10_000, streak)),
      [10_000, 20_000, 30_000],
    );
    assert.equal(ejectionMs(10_000, 1000), 300_000);
    assert.equal(ejectionMs(400_000, 2), 400_000);
  });
});

describe('active health checks', () => {
  const ACTIVE = { path: '/health', intervalMs: 100, timeoutMs: 500, healthyAfter: 2, unhealthyAfter: 2 };

  it('a state changes after so many equal results in a row', () => {
    let health = { isHealthy: true, against: 0 };
    const after = (...results: readonly boolean[]) => {
      for (const isGood of results) health = nextHealth(health, isGood, ACTIVE);
      return health.isHealthy;
    };
    assert.equal(after(false, true, false), true);
    assert.equal(after(false), false);
    assert.equal(after(true, false, true), false);
    assert.equal(after(true), true);
  });

  it('an instance that is ill or silent is left out until it is well again, asked once for all routes', async () => {
    const asked: string[] = [];
    let behaviour: 'well' | 'ill' | 'silent' = 'well';
    const good = await listen((_request, response) => response.end());
    const bad = await listen((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      if (behaviour === 'silent') return;
      response.writeHead(behaviour === 'well' ? 204 : 503);
      response.end();
    });
    const { backends, ports, timers } = start();
    try {
      const route = routeWith({
        target: { kind: 'hosts', hosts: hosts(good.port, bad.port) },
        health: { active: ACTIVE, passive: undefined },
      });
      const other = { ...route, name: '/other' };
      const beats = async (what: string, isSo: () => Promise<boolean>) =>
        eventually(what, async () => {
          timers.advance(120);
          return isSo();
        });
      const isOut = async () => !(await ports(route)).includes(String(bad.port));
      assert.equal(await isOut(), false);
      await ports(other);
      behaviour = 'ill';
      await beats('it is left out', isOut);
      assert.equal(backends.states()[1]?.instances[1]?.state, 'unhealthy', 'for each route');
      behaviour = 'well';
      await beats('it is back', async () => !(await isOut()));
      behaviour = 'silent';
      await beats('it is left out', isOut);
      assert.ok(asked.every((line) => line === 'GET /health'));
    } finally {
      await backends.close();
      good.close();
      bad.close();
    }
    assert.equal(timers.pending, 0, 'nothing goes on after close');
  });

  it('are asked as long as a route wants to know, once for all of them', async () => {
    let asked = 0;
    const { port, close } = await listen((_request, response) => {
      asked += 1;
      response.end();
    });
    const { backends, ports, timers } = start();
    try {
      const health = { active: ACTIVE, passive: undefined };
      const one = routeWith({ target: { kind: 'hosts', hosts: hosts(port) }, health });
      const other = { ...one, name: '/other' };
      await ports(one);
      await ports(other);
      assert.equal(timers.pending, 1);
      backends.retain({ routes: [other], discovery: undefined, dynamic: undefined });
      timers.advance(120);
      await eventually('it is asked', () => asked === 1);
      await eventually('and asked again later', () => timers.pending === 1);
      backends.retain({ routes: [], discovery: undefined, dynamic: undefined });
      assert.equal(timers.pending, 0);
    } finally {
      await backends.close();
      close();
    }
  });
});

describe('instances of a resolver', () => {
  const at = (id: string, port: number): Endpoint => ({ id, service: 'order', host: '127.0.0.1', port });
  const route = routeWith({ target: { kind: 'service', service: 'order', namespace: undefined } });

  it('are followed: a new one gets its share, one that is gone nothing', async () => {
    let answer = [at('a', 1)];
    const { ports, timers } = start({ resolve: async () => answer, close: async () => undefined });
    assert.equal(await ports(route, 2), '1,1');
    answer = [at('a', 1), at('b', 2)];
    timers.advance(251);
    assert.deepEqual(new Set((await ports(route, 2)).split(',')), new Set(['1', '2']));
    answer = [at('b', 2)];
    timers.advance(100);
    await ports(route, 1); // asks in the background
    assert.equal(await ports(route, 2), '2,2');
  });

  it('a resolver that fails leaves what was known; metadata addresses are never called', async () => {
    let resolve = async (): Promise<readonly Endpoint[]> => [
      at('a', 1),
      { ...at('m', 80), host: '169.254.169.254' },
    ];
    const { ports, timers } = start({ resolve: () => resolve(), close: async () => undefined });
    assert.equal(await ports(route, 2), '1,1');
    resolve = async () => {
      throw new Error('away');
    };
    timers.advance(251);
    assert.equal(await ports(route, 2), '1,1');
  });

  it('an unknown service has none', async () => {
    assert.equal(await start(createStaticResolver({})).ports(route, 1), '');
    assert.equal(await start().ports(route, 1), '', 'as has every service without a resolver');
  });
});

describe('another configuration', () => {
  const options = { minimumThroughput: 2, breakMs: 1000, failureRatio: undefined, samplingMs: 1000 };
  const route = { ...guarded([1, 2]), breaker: { route: '/x', ...options } };

  it('keeps the state of what did not change', async () => {
    const { backends, call, ports } = start();
    for (let count = 0; count < 4; count += 1)
      await call(route, (port) => (port === 1 ? 'failed' : 'answered'));
    const [pool, breaker, budget] = [
      backends.poolFor(route),
      backends.breakerFor(route),
      backends.retryBudgetFor(route),
    ];
    const same = structuredClone(route);
    backends.retain({ routes: [same], discovery: undefined, dynamic: undefined });
    assert.equal(backends.poolFor(same), pool);
    assert.equal(backends.breakerFor(same), breaker);
    assert.equal(backends.retryBudgetFor(same), budget);
    const grown: RouteConfig = { ...route, target: { kind: 'hosts', hosts: hosts(1, 2, 3) } };
    backends.retain({ routes: [grown], discovery: undefined, dynamic: undefined });
    assert.notEqual(backends.poolFor(grown), pool);
    assert.equal(backends.breakerFor(grown), breaker);
    assert.equal(await ports(grown), '2,3,2,3', 'the instance is the same and still left out');
  });

  it('an instance that was taken out by hand stays out, also while no route has asked for it', async () => {
    const { backends, ports } = start();
    await ports(route);
    backends.eject('http://127.0.0.1:1');
    for (let count = 0; count < 2; count += 1)
      backends.retain({ routes: [], discovery: undefined, dynamic: undefined });
    assert.equal(await ports(route, 2), '2,2');
  });

  it('forgets what is gone, while requests in flight end as they began', async () => {
    const { backends } = start();
    const pool = backends.poolFor(route);
    const backend = await pool.pick(exchangeWith(), UNTRIED);
    assert.ok(backend);
    pool.began(backend);
    backends.retain({ routes: [], discovery: undefined, dynamic: undefined });
    assert.deepEqual(backends.states(), []);
    pool.ended(backend, 'failed', 1);
  });

  it('routes that came with requests keep their state as long as there may be such', () => {
    const { backends } = start();
    const dynamic = { defaults: { ...route, namespace: undefined }, services: new Map() };
    backends.retain({ routes: [], discovery: undefined, dynamic });
    const [pool, breaker] = [backends.poolFor(route), backends.breakerFor(route)];
    backends.retain({ routes: [], discovery: undefined, dynamic });
    assert.deepEqual([backends.poolFor(route), backends.breakerFor(route)], [pool, breaker]);
    assert.equal(backends.breakerFor(route), breaker);
    backends.retain({ routes: [], discovery: undefined, dynamic: undefined });
    assert.deepEqual(backends.states(), []);
    assert.notEqual(backends.breakerFor(route), breaker);
  });

  it('routes that come with requests are bounded', async () => {
    const { backends } = start();
    backends.retain({ routes: [route], discovery: undefined, dynamic: undefined });
    const kept = backends.poolFor(route);
    for (let count = 0; count < 3_000; count += 1) backends.poolFor({ ...route, name: `/dynamic/${count}` });
    assert.ok(backends.states().length <= 1_001);
    assert.equal(backends.poolFor(route), kept);
  });
});

describe('versions', () => {
  const versioned = routeWith({
    key: 'order',
    target: { kind: 'service', service: 'order', namespace: undefined },
    versions: [
      { tag: 'v1', weight: 90 },
      { tag: 'v2', weight: 10 },
    ],
  });

  async function startVersions(tags: Readonly<Record<number, string>>) {
    const entries = Object.entries(tags).map(([port, tag]) => ({
      Service: { ID: `i${port}`, Address: '127.0.0.1', Port: Number(port), Tags: [tag] },
    }));
    const consul = await listen((_request, response) => {
      response.writeHead(200, { 'x-consul-index': '1' });
      response.end(JSON.stringify(entries));
    });
    const started = start();
    started.backends.retain({
      routes: [versioned],
      dynamic: undefined,
      discovery: {
        type: 'Consul',
        url: `http://127.0.0.1:${consul.port}`,
        token: undefined,
        pollingIntervalMs: 1000,
        namespace: undefined,
        usesNodeName: false,
      },
    });
    const close = async () => {
      await started.backends.close();
      consul.close();
    };
    const shares = async () => {
      const picked = (await started.ports(versioned, 100)).split(',');
      return Object.keys(tags).map((port) => picked.filter((one) => one === port).length);
    };
    return { ...started, shares, close };
  }

  it('share by weight, which can be changed while running', async () => {
    const { shares, backends, close } = await startVersions({ 1: 'v1', 2: 'v2', 3: 'v2', 4: 'other' });
    try {
      assert.deepEqual(await shares(), [90, 5, 5, 0]);
      assert.deepEqual(backends.setWeights('order', { v1: 0, v2: 1 }), versioned.versions);
      assert.deepEqual(await shares(), [0, 50, 50, 0]);
      assert.equal(backends.setWeights('order', { v3: 1 }), undefined);
      assert.equal(backends.setWeights('nobody', {}), undefined);
      assert.deepEqual(backends.states()[0]?.versions, [
        { tag: 'v1', weight: 0 },
        { tag: 'v2', weight: 1 },
      ]);
    } finally {
      await close();
    }
  });

  it('a version without usable instances leaves its share to the other', async () => {
    const { shares, close } = await startVersions({ 1: 'v1' });
    try {
      assert.deepEqual(await shares(), [100]);
    } finally {
      await close();
    }
  });
});
