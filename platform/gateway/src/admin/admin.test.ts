import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { PlatformError } from '@flotilla/kernel';
import { type Logger, silentLogger } from '@flotilla/telemetry';
import { hosts, routeWith } from '../../test/backends.ts';
import type { RouteState } from '../backends/route-state.ts';
import type { GatewayConfig } from '../model.ts';
import { readLimits } from '../policies/limits/config.ts';
import type { StranglerReport } from '../strangler/create-stranglers.ts';
import type { AdminTarget, Purge } from './admin-target.ts';
import { newAdminToken } from './admin-token.ts';
import { createAdminListener } from './create-admin-listener.ts';
import { masked } from './masked.ts';

const TOKEN = 'a-token-for-tests-only';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const ROUTE = routeWith({
  key: 'orders',
  name: '/orders/{id}',
  target: { kind: 'hosts', hosts: hosts(4001) },
  transforms: {
    request: [{ kind: 'set', header: 'X-Api-Key', value: 'upstream-secret' }],
    answer: [{ kind: 'set', header: 'X-Served-By', value: 'us' }],
  },
});

const CONFIG: GatewayConfig = {
  strict: false,
  routes: [ROUTE, routeWith({ methods: ['GET'], name: '/plain' })],
  aggregates: [],
  dynamic: undefined,
  routeOrder: 'priority',
  authenticationProviders: new Map([
    [
      'Bearer',
      {
        issuer: 'us',
        audiences: [],
        keys: { kind: 'secret', secret: 'hmac-secret-of-32-characters-abc' },
        algorithms: ['HS256'],
        clockSkewSeconds: 60,
        maxTokenBytes: 16_384,
      },
    ],
  ]),
  discovery: {
    type: 'Consul',
    url: 'http://user:pass-secret@consul:8500',
    token: 'consul-secret',
    pollingIntervalMs: 1,
    namespace: undefined,
    usesNodeName: false,
  },
  baseUrl: '',
  reloadOnChange: true,
  trustedProxies: [],
  overload: { maxInFlight: Number.POSITIVE_INFINITY, maxLoopDelayMs: Number.POSITIVE_INFINITY },
  limits: readLimits(undefined),
  forwardedHeader: 'x-forwarded-for',
  clientFields: {
    setByRoutes: new Set(['x-user']),
    reservesIdentity: true,
    reservesOverrides: true,
    passes: new Set(),
  },
  openApi: [],
  warnings: [],
};

const instance = (id: string, port: number): RouteState['instances'][number] => ({
  id,
  address: `http://127.0.0.1:${port}`,
  state: 'usable',
  inFlight: 0,
  latencyMs: 1,
  consecutiveFailures: 0,
  zone: undefined,
  tags: [],
});

async function start(more: Partial<AdminTarget> = {}) {
  const lines: Record<string, unknown>[] = [];
  const logger: Logger = { ...silentLogger, info: (fields) => lines.push({ ...fields }) };
  const purged: Purge[] = [];
  const held: string[] = [];
  let current: Pick<StranglerReport, 'mode' | 'percent'> = { mode: 'legacy', percent: 0 };
  let versions = [
    { tag: 'v1', weight: 100 },
    { tag: 'v2', weight: 0 },
  ];
  const gateway: AdminTarget = {
    config: () => CONFIG,
    backends: {
      states: () => [
        {
          route: 'orders',
          breaker: 'closed',
          versions,
          instances: [instance('a', 4001), instance('b', 4002)],
        },
        { route: 'GET /plain', breaker: undefined, versions: [], instances: [instance('b', 4003)] },
      ],
      eject: (address) => held.push(address) > 0,
      restore: (address) => held.includes(address),
      setWeights: (route, weights) => {
        const before = versions;
        if (route !== 'orders' || !Object.keys(weights).every((tag) => before.some((one) => one.tag === tag)))
          return undefined;
        versions = before.map(({ tag, weight }) => ({ tag, weight: weights[tag] ?? weight }));
        return before;
      },
    },
    stranglers: {
      report: () => [],
      switch: (route, to) => {
        if (route !== 'orders') return undefined;
        current = { ...current, ...to };
        return current;
      },
    },
    limits: () => ({ inFlight: 3, loopDelayMs: 1 }),
    cache: () => ({ entries: 2, bytes: 9 }),
    purge: (what) => purged.push(what),
    reload: async () => ({ changes: ['route orders changed: Timeout'] }),
    scrape: async () => ({ headers: { 'content-type': 'text/plain' }, body: Buffer.from('up 1\n') }),
    isReady: () => true,
    ...more,
  };
  const listener = createAdminListener({ token: TOKEN, port: 0, gateway, logger });
  cleanups.push(listener.close);
  const { url } = await listener.listen();
  const ask = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, 'x-operator': 'ann', ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json');
    return {
      status: response.status,
      text,
      headers: response.headers,
      json: isJson ? JSON.parse(text) : undefined,
    };
  };
  return { ask, lines, purged, held, url };
}

describe('who may', () => {
  it('nobody without the token, on no path', async () => {
    const { ask, url } = await start();
    for (const authorization of [
      '',
      'Bearer',
      `Bearer ${TOKEN}x`,
      `Basic ${TOKEN}`,
      `Bearer ${TOKEN.slice(1)}`,
    ])
      for (const path of ['/health', '/config', '/nothing']) {
        const { status, json, headers } = await ask('GET', path, undefined, { authorization });
        assert.deepEqual(
          [status, json.code, headers.get('www-authenticate')],
          [401, 'unauthorized', 'Bearer'],
        );
      }
    assert.equal((await fetch(`${url}/reload`, { method: 'POST' })).status, 401);
    assert.equal((await ask('GET', '/health')).status, 200);
  });

  it('a weak token does not start it, and is not shown', () => {
    const create = (token: string) => () =>
      createAdminListener({ token, port: 0, gateway: {} as AdminTarget, logger: silentLogger });
    assert.throws(create(''), RangeError);
    assert.throws(create('fifteen-chars-x'), (error: Error) => !error.message.includes('fifteen-chars'));
    assert.throws(create('has a space in the middle'), RangeError);
    create(newAdminToken())();
    assert.notEqual(newAdminToken(), newAdminToken());
  });

  it('it listens on loopback unless told otherwise', async () => {
    const { url } = await start();
    assert.match(url, /^http:\/\/127\.0\.0\.1:/);
  });
});

describe('what it shows', () => {
  it('the configuration without its secrets', async () => {
    const { ask } = await start();
    for (const path of ['/config', '/routes/orders']) {
      const { text, headers } = await ask('GET', path);
      assert.ok(!/secret-of|upstream-secret|consul-secret|pass-secret/.test(text), text);
      assert.match(text, /\*\*\*/);
      assert.equal(headers.get('cache-control'), 'no-store');
    }
    const { json } = await ask('GET', '/config');
    assert.equal(json.overload.maxInFlight, 'unlimited');
    assert.deepEqual(json.clientFields.setByRoutes, ['x-user']);
    assert.equal(json.authenticationProviders.Bearer.issuer, 'us');
    assert.equal(json.routes[0].transforms.answer[0].value, 'us', 'what is no secret is shown');
  });

  it('routes with their state', async () => {
    const { ask } = await start();
    const { json } = await ask('GET', '/routes');
    assert.deepEqual(
      json.map(({ id, usable, breaker }: Record<string, unknown>) => [id, usable, breaker]),
      [
        ['orders', 2, 'closed'],
        ['GET /plain', 1, undefined],
      ],
    );
    assert.equal((await ask('GET', '/routes/GET%20%2Fplain')).json.upstream, '/plain');
    assert.equal((await ask('GET', '/routes/none')).status, 404);
  });

  it('instances, limits, cache, metrics, health', async () => {
    const { ask } = await start();
    assert.equal((await ask('GET', '/instances')).json[0].instances[1].id, 'b');
    assert.deepEqual((await ask('GET', '/limits')).json, { inFlight: 3, loopDelayMs: 1 });
    assert.deepEqual((await ask('GET', '/cache')).json, { entries: 2, bytes: 9 });
    assert.equal((await ask('GET', '/metrics')).text, 'up 1\n');
    assert.deepEqual((await ask('GET', '/health?x=1')).json, { status: 'ready' });
  });
});

describe('what it changes, each time with an audit line', () => {
  it('the strangler', async () => {
    const { ask } = await start();
    const { json } = await ask('POST', '/routes/orders/strangler', { mode: 'split', percent: 5 });
    assert.deepEqual(json, { route: 'orders', mode: 'split', percent: 5 });
    assert.equal((await ask('POST', '/routes/none/strangler', { mode: 'new' })).status, 404);
    for (const body of [
      {},
      { mode: 'maybe' },
      { percent: 101 },
      { percent: '5' },
      { mod: 'new' },
      [],
      3,
      'x"',
    ])
      assert.ok([400, 422].includes((await ask('POST', '/routes/orders/strangler', body)).status));
  });

  it('weights of versions', async () => {
    const { ask, lines } = await start();
    assert.equal((await ask('POST', '/routes/orders/weights', { v1: 90, v2: 10 })).status, 200);
    assert.deepEqual(lines, [
      {
        audit: true,
        actor: 'ann',
        what: 'weights of orders',
        from: [
          { tag: 'v1', weight: 100 },
          { tag: 'v2', weight: 0 },
        ],
        to: [
          { tag: 'v1', weight: 90 },
          { tag: 'v2', weight: 10 },
        ],
      },
    ]);
    for (const body of [{ v1: 0, v2: 0 }, { v3: 1 }, { v1: -1 }, { v1: 1.5 }, {}])
      assert.equal((await ask('POST', '/routes/orders/weights', body)).status, 422);
    assert.equal((await ask('POST', '/routes/none/weights', { v1: 1 })).status, 404);
    assert.equal(lines.length, 1, 'a refused change is none');
  });

  it('instances, by address or by an id that only one has', async () => {
    const { ask, held, lines } = await start();
    assert.equal((await ask('POST', '/instances/a/eject')).json.to, 'held-out');
    const address = encodeURIComponent('http://127.0.0.1:4002');
    assert.equal((await ask('POST', `/instances/${address}/eject`)).status, 200);
    assert.deepEqual(held, ['http://127.0.0.1:4001', 'http://127.0.0.1:4002']);
    assert.equal((await ask('POST', '/instances/a/restore')).json.to, 'usable');
    const ambiguous = await ask('POST', '/instances/b/eject');
    assert.deepEqual([ambiguous.status, ambiguous.json.code], [409, 'ambiguous-instance']);
    assert.equal((await ask('POST', '/instances/none/eject')).status, 404);
    assert.equal(lines.length, 3);
  });

  it('the cache', async () => {
    const { ask, purged, lines } = await start();
    for (const body of [{ tag: 'product:1' }, { region: 'r' }, { prefix: '/p' }, { all: true }])
      assert.equal((await ask('POST', '/cache/purge', body)).status, 200);
    assert.deepEqual(purged, [
      { by: 'tag', value: 'product:1' },
      { by: 'region', value: 'r' },
      { by: 'prefix', value: '/p' },
      { by: 'all' },
    ]);
    for (const body of [{}, { all: false }, { tag: '' }, { tag: 1 }, { tag: 'a', region: 'b' }, { key: 'a' }])
      assert.equal((await ask('POST', '/cache/purge', body)).status, 422);
    assert.equal(lines.length, 4);
  });

  it('the configuration; one that is not valid changes nothing and says all that is wrong', async () => {
    const good = await start();
    assert.deepEqual((await good.ask('POST', '/reload')).json, {
      changes: ['route orders changed: Timeout'],
    });
    const bad = await start({
      reload: () =>
        Promise.reject(
          new PlatformError('GATEWAY_CONFIG_INVALID', 'no', { details: { problems: ['a', 'b'] } }),
        ),
    });
    const { status, json } = await bad.ask('POST', '/reload');
    assert.deepEqual([status, json.code, json.problems], [422, 'invalid-configuration', ['a', 'b']]);
    assert.equal(bad.lines.length, 0);
  });

  it('what would become of a request, by the configuration in force', async () => {
    const { ask, lines } = await start();
    const { status, json } = await ask('POST', '/explain', { url: '/orders/7' });
    assert.deepEqual([status, json['winner']['name'], json['others'].length], [200, '/orders/{id}', 1]);
    assert.equal((await ask('POST', '/explain', { url: '/nowhere' })).json['refusal']['status'], 404);
    for (const wrong of [
      {},
      { url: '' },
      { url: '/', method: 'G T' },
      { url: '/', headers: ['a'] },
      { url: '/', x: 1 },
    ])
      assert.equal((await ask('POST', '/explain', wrong)).status, 422, JSON.stringify(wrong));
    assert.equal(lines.length, 0, 'to ask is no change');
  });

  it('an actor that cannot be written into a log is not', async () => {
    const { ask, lines } = await start();
    await ask('POST', '/cache/purge', { all: true }, { 'x-operator': 'é'.repeat(3) });
    assert.equal(lines[0]?.['actor'], 'unnamed');
  });
});

describe('what it refuses', () => {
  it('other methods, paths, bodies', async () => {
    const { ask } = await start();
    const wrong = await ask('POST', '/config');
    assert.deepEqual([wrong.status, wrong.headers.get('allow')], [405, 'GET']);
    assert.equal((await ask('DELETE', '/cache/purge')).headers.get('allow'), 'POST');
    assert.equal((await ask('GET', '/routes/%E0%A4%A')).status, 400);
    assert.equal((await ask('GET', '/')).status, 404);
    assert.equal((await ask('POST', '/cache/purge', '{')).json.code, 'malformed-json');
    assert.equal((await ask('POST', '/cache/purge', 'x'.repeat(70_000))).status, 413);
  });

  it('shows nothing of a fault inside', async () => {
    const { ask } = await start({
      limits: () => {
        throw new Error('at /internal/path with secret');
      },
    });
    const { status, text } = await ask('GET', '/limits');
    assert.equal(status, 500);
    assert.ok(!text.includes('internal/path'));
  });
});

it('masks what is secret at any depth', () => {
  const shown = masked({
    list: [{ clientSecret: 'a', ok: 1 }],
    whitelist: new Set(['client-7']),
    metadata: new Map([['db-password', 'b']]),
    url: 'https://me:you@host/x?y=a@b',
    nothing: undefined,
  });
  assert.deepEqual(shown, {
    list: [{ clientSecret: '***', ok: 1 }],
    whitelist: ['***'],
    metadata: { 'db-password': '***' },
    url: 'https://***@host/x?y=a@b',
  });
});
