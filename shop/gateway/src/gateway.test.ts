import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { createRevocations } from '@flotilla/auth';
import { createTestIssuer } from '@flotilla/auth/testing';
import { createStaticResolver, register } from '@flotilla/discovery';
import { startRegistry } from '@flotilla/discovery/registry';
import { readGatewayConfig } from '@flotilla/gateway';
import { childEnvironment } from '@flotilla/kernel/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { createShopGateway } from './app.ts';

const issuer = createTestIssuer();
const cleanups: (() => unknown)[] = [];
const served: string[] = [];

/** Stands for a service: says who answered what, and lets identity show its keys. */
async function fakeService(name: string): Promise<string> {
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    served.push(`${name} ${request.method} ${request.url}`);
    response.setHeader('content-type', 'application/json');
    response.setHeader('x-request-id', request.headers['x-request-id'] ?? 'none');
    response.setHeader('x-seen-cookie', request.headers.cookie ?? 'none');
    request.resume();
    if (request.url === '/openapi.json') response.end(JSON.stringify(documentOf(name)));
    else if (request.url === '/identity/jwks') response.end(JSON.stringify(issuer.jwks));
    else response.end(JSON.stringify({ name, url: request.url }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return `127.0.0.1:${(server.address() as { readonly port: number }).port}`; // a TCP server that listens
}

/** What the service named says of itself: one path for the public, one for other services. */
function documentOf(name: string): object {
  const paths = {
    identity: '/me/sessions',
    user: '/me',
    inventory: '/products',
    pricing: '/quotes',
    cart: '/cart',
    order: '/orders',
    'web-bff': '/web/home',
    'mobile-bff': '/mobile/home',
    recommendation: '/recommendations',
  };
  const path = Object.entries(paths).find(([service]) => service === name)?.[1] ?? '/';
  const get = { get: { responses: { 200: { description: 'OK' } } } };
  const info = { title: name, version: '1' };
  return { openapi: '3.1.0', info, paths: { [path]: get, '/internal/everything': get } };
}

const EMBEDDED = { registered: { providers: ['Bearer'], discovery: true } };
const readConfigFile = () => readFile(new URL('../gateway.json', import.meta.url), 'utf8');

const OPERATOR_TOKEN = 'a-token-of-the-operators';

describe("the shop's gateway", () => {
  const revocations = createRevocations();
  let addresses: Readonly<Record<string, readonly string[]>> = {};
  let url = '';
  let admin = '';
  let operator: string | undefined;

  before(async () => {
    const names = [
      'identity',
      'user',
      'inventory',
      'pricing',
      'cart',
      'order',
      'web-bff',
      'mobile-bff',
      'recommendation',
      'legacy',
    ];
    addresses = Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, [await fakeService(name)]] as const)),
    );
    ({ url, admin, operator } = await startGateway(await readConfigFile()));
  });
  after(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  async function startGateway(file: string) {
    const gateway = createShopGateway({
      config: readGatewayConfig(file, EMBEDDED),
      resolver: createStaticResolver(addresses),
      issuer: issuer.issuer,
      audience: issuer.audience,
      revocations,
      operatorToken: OPERATOR_TOKEN,
      logger: silentLogger,
      metrics: createMetrics(),
    });
    cleanups.push(gateway.close);
    return await gateway.listen({ host: '127.0.0.1', port: 0, adminPort: 0 });
  }

  async function ask(method: string, path: string, token?: string) {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`${url}${path}`, { method, headers });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  it('has a configuration without anything unknown in it', async () => {
    assert.deepEqual(readGatewayConfig(await readConfigFile(), EMBEDDED).warnings, []);
  });

  it('serves the public routes without a token', async () => {
    for (const [method, path, name] of [
      ['POST', '/users', 'identity'],
      ['POST', '/auth/login', 'identity'],
      ['POST', '/auth/refresh', 'identity'],
      ['GET', '/identity/jwks', undefined],
      ['GET', '/products', 'inventory'],
      ['GET', '/products/sku-1', 'inventory'],
      ['GET', '/products/sku-1/availability?quantity=2', 'inventory'],
      ['GET', '/products/sku-1/also-bought?limit=5', 'recommendation'],
      ['GET', '/recommendations', 'recommendation'],
    ] as const) {
      const { status, body } = await ask(method, path);
      assert.equal(status, 200, path);
      if (name !== undefined) assert.deepEqual(body, { name, url: path });
    }
  });

  it('hands pages, and what has a cookie in place of a token, to the front end for browsers', async () => {
    const cookie = '__Host-fl-sid=some-session';
    const token = await issuer.sign();
    for (const [method, path] of [
      ...['/', '/search', '/p/sku-1', '/basket', '/checkout', '/purchases', '/purchases/o-1', '/account'].map(
        (page) => ['GET', page] as const,
      ),
      ...['/assets/app-1a2b.js', '/images/hero.avif', '/robots.txt', '/favicon.svg'].map(
        (file) => ['GET', file] as const,
      ),
      ...([
        ['GET', '/bff/user'],
        ['POST', '/bff/logout'],
        ['GET', '/web/home'],
      ] as const),
    ])
      assert.deepEqual(await ask(method, path), { status: 200, body: { name: 'web-bff', url: path } });
    // What browsers ask for where a page names no icon.
    assert.deepEqual((await ask('GET', '/favicon.ico')).body, { name: 'web-bff', url: '/favicon.svg' });
    for (const [method, path, service] of [
      ['GET', '/cart', 'cart'],
      ['PUT', '/cart/items/sku-1', 'cart'],
      ['POST', '/cart/checkout', 'cart'],
      ['POST', '/orders', 'order'],
      ['GET', '/orders/o-1/events', 'order'],
      ['GET', '/me', 'user'],
      ['PATCH', '/me', 'user'],
      ['GET', '/me/sessions', 'identity'],
      ['POST', '/quotes', 'pricing'],
    ] as const) {
      const by = async (headers: Record<string, string>) =>
        ((await (await fetch(`${url}${path}`, { method, headers })).json()) as { readonly name: string })
          .name;
      assert.equal(await by({ cookie }), 'web-bff', path);
      // Whoever brings a token means it, whatever cookies their browser adds.
      assert.equal(await by({ cookie, authorization: `Bearer ${token}` }), service, path);
    }
    assert.equal((await ask('POST', '/search')).status, 404);
  });

  it('hands cookies to the front end for browsers and to the pages of identity, and to nobody else', async () => {
    const own = {
      bff: '__Host-fl-sid-8080=a; __Host-fl-login-8080.b=c',
      identity: '_session_8080=d; _session_8080.sig=e',
    };
    const cookie = `__Host-console-8090=f; ${own.bff}; theme=g; ${own.identity}`;
    const authorization = `Bearer ${await issuer.sign()}`;
    const headers = { cookie, authorization };
    for (const [path, seen] of [
      ...[
        '/cart',
        '/orders',
        '/orders/o-1',
        '/me',
        '/me/sessions',
        '/products',
        '/products/sku-9',
        '/quotes/q',
      ].map((one) => [one, 'none'] as const),
      ...['/', '/basket', '/assets/a.js', '/mobile/home'].map((one) => [one, 'none'] as const),
      ...['/bff/user', '/web/home'].map((one) => [one, own.bff] as const),
      ['/identity/auth', own.identity],
    ] as const)
      assert.equal((await fetch(`${url}${path}`, { headers })).headers.get('x-seen-cookie'), seen, path);
    const { headers: seen } = await fetch(`${url}/me/sessions`, { headers: { cookie } });
    assert.equal(seen.get('x-seen-cookie'), own.bff, 'in place of a token');
  });

  it('limits how often one address asks with cookies, whatever they are', async () => {
    const left = async (n: number, path: string) => {
      const { headers } = await fetch(`${url}${path}`, { headers: { cookie: `__Host-fl-sid=${n}` } });
      return { limit: headers.get('x-ratelimit-limit'), remaining: headers.get('x-ratelimit-remaining') };
    };
    for (const path of ['/cart', '/orders', '/me/sessions', '/quotes/q', '/bff/user', '/web/home']) {
      const answers = await Promise.all([1, 2, 3].map((n) => left(n, path)));
      assert.equal(answers[0]?.limit, '300', path);
      // Another cookie is no other budget.
      assert.ok(new Set(answers.map(({ remaining }) => remaining)).size > 1, path);
    }
  });

  it('refuses a token whose session has ended, however often it was accepted before', async () => {
    const token = await issuer.sign({ sid: 'ended-soon' });
    assert.equal((await ask('GET', '/cart', token)).status, 200);
    revocations.add({ kind: 'session-ended', sessionId: 'ended-soon', at: new Date() }, Date.now());
    assert.equal((await ask('GET', '/cart', token)).status, 401);
    assert.equal((await ask('GET', '/cart', await issuer.sign({ sid: 'another' }))).status, 200);
  });

  it('serves everything else with a valid token only', async () => {
    const token = await issuer.sign();
    for (const [method, path, name] of [
      ['GET', '/me', 'user'],
      ['PATCH', '/me', 'user'],
      ['POST', '/me/addresses', 'user'],
      ['PUT', '/me/addresses/a-1', 'user'],
      ['GET', '/me/sessions', 'identity'],
      ['GET', '/me/recommendations', 'recommendation'],
      ['PUT', '/me/viewed/sku-1', 'recommendation'],
      ['GET', '/cart', 'cart'],
      ['PUT', '/cart/items/sku-1', 'cart'],
      ['DELETE', '/cart', 'cart'],
      ['POST', '/cart/checkout', 'cart'],
      ['POST', '/orders', 'order'],
      ['GET', '/orders?limit=5', 'order'],
      ['GET', '/orders/o-1', 'order'],
      ['POST', '/orders/o-1/cancel', 'order'],
      ['PUT', '/products/sku-1/stock', 'inventory'],
    ] as const) {
      assert.deepEqual(await ask(method, path, token), { status: 200, body: { name, url: path } });
      assert.equal((await ask(method, path)).status, 401, path);
      assert.equal((await ask(method, path, `${token.slice(0, -8)}AAAAAAAA`)).status, 401, path);
    }
  });

  it('hands old orders to the monolith, until an operator moves the route', async () => {
    const token = await issuer.sign();
    const old = async (method: string, path: string) => (await ask(method, path, token)).body;
    assert.deepEqual(await old('GET', '/orders/legacy-1001'), {
      name: 'legacy',
      url: '/api/orders/legacy-1001',
    });
    const cancellation = '/orders/legacy-1001/cancel';
    assert.deepEqual(await old('POST', cancellation), { name: 'legacy', url: `/api${cancellation}` });
    assert.equal((await ask('GET', '/orders/legacy-1001')).status, 401);
    const move = (mode: string, authorization = `Bearer ${OPERATOR_TOKEN}`) =>
      fetch(`${operator}/routes/legacy-cancellations/strangler`, {
        method: 'POST',
        headers: { authorization },
        body: JSON.stringify({ mode }),
      });
    assert.equal((await move('new', 'Bearer guessed')).status, 401);
    assert.equal((await move('new')).status, 200);
    assert.deepEqual(await old('POST', cancellation), { name: 'order', url: cancellation });
    assert.equal((await old('GET', '/orders/legacy-1001'))['name'], 'legacy', 'one route at a time');
    assert.equal((await move('legacy')).status, 200);
  });

  it('shows one document of all services, with the paths that clients can reach', async () => {
    const response = await fetch(`${url}/docs/openapi.json`);
    assert.equal(response.status, 200);
    const merged = (await response.json()) as { readonly paths: object; readonly 'x-unavailable': unknown };
    assert.deepEqual(Object.keys(merged.paths).sort(), [
      ...['/cart', '/me', '/me/sessions', '/mobile/home', '/orders', '/products', '/quotes'],
      ...['/recommendations', '/web/home'],
    ]);
    assert.equal(merged['x-unavailable'], undefined);
    assert.match(await (await fetch(`${url}/docs`)).text(), /<title>/);
  });

  it('shows the events, in a document that the merged one names and as one schema a type', async () => {
    const merged = (await (await fetch(`${url}/docs/openapi.json`)).json()) as {
      readonly 'x-asyncapi': string;
    };
    const described = (await (await fetch(url + merged['x-asyncapi'])).json()) as {
      readonly channels: object;
    };
    for (const type of Object.keys(described.channels)) {
      const schema = (await (await fetch(`${url}/docs/events/${type}.json`)).json()) as {
        readonly $id: string;
      };
      assert.equal(schema.$id, `/docs/events/${type}.json`);
    }
  });

  it('reaches nothing that is not for the public', async () => {
    const token = await issuer.sign();
    for (const path of [
      '/internal/token',
      '/internal/mails',
      '/internal/products/lookup',
      '/health/live',
      '/health/ready',
      '/metrics',
      '/openapi.json',
      '/nowhere',
    ]) {
      assert.equal((await ask('GET', path, token)).status, 404, path);
      assert.equal((await ask('POST', path, token)).status, 404, path);
    }
    for (const path of [
      '/auth%2f..%2finternal/token',
      '/identity/%2e%2e/internal/token',
      '/orders/..;/internal/x',
    ])
      assert.ok([400, 404].includes((await ask('POST', path, token)).status), path);
    assert.deepEqual(
      served.filter((line) => line.includes('internal')),
      [],
    );
  });

  it('sends browsers whose address is nobody’s to a page that says so, and takes no address of others', async () => {
    const headers = { 'sec-fetch-dest': 'document' };
    for (const path of ['/nowhere', '/internal/mails', '/metrics']) {
      served.length = 0;
      await fetch(`${url}${path}`, { headers });
      assert.deepEqual(served, ['web-bff GET /not-found'], path);
    }
    served.length = 0;
    const docs = await fetch(`${url}/docs`, { headers });
    assert.deepEqual([docs.status, served], [200, []], 'the gateway has pages of its own');
    await fetch(`${url}/products/sku-9`, { headers });
    await fetch(`${url}/basket`, { headers });
    assert.deepEqual(served, ['inventory GET /products/sku-9', 'web-bff GET /basket']);
  });

  it('gives every request the id of its trace, which no client can choose, and every answer too', async () => {
    const traceId = 'c'.repeat(32);
    const headers = { traceparent: `00-${traceId}-${'d'.repeat(16)}-01`, 'x-request-id': 'chosen' };
    for (const path of [
      '/products/sku-3',
      '/products/sku-3',
      '/products/sku-3/availability',
      '/me',
      '/nowhere',
    ])
      assert.equal((await fetch(`${url}${path}`, { headers })).headers.get('x-request-id'), traceId, path);
    const other = await fetch(`${url}/products/sku-3`);
    assert.equal(other.headers.get('age'), '0', 'from the cache');
    assert.match(other.headers.get('x-request-id') ?? '', /^(?!c{32})[0-9a-f]{32}$/);
  });

  it('caches the catalogue, never availability', async () => {
    const count = (path: string) => served.filter((line) => line === `inventory GET ${path}`).length;
    for (let round = 0; round < 3; round += 1) {
      await ask('GET', '/products/sku-7');
      await ask('GET', '/products/sku-7/availability?quantity=1');
    }
    assert.equal(count('/products/sku-7'), 1);
    assert.equal(count('/products/sku-7/availability?quantity=1'), 3);
  });

  it('lets one customer place several hundred orders at once', async () => {
    const token = await issuer.sign();
    const statuses = await Promise.all(
      Array.from({ length: 400 }, async () => (await ask('POST', '/orders', token)).status),
    );
    assert.deepEqual([...new Set(statuses)], [200]);
  });

  it('refuses the orders of a customer beyond their share, says when to come again, and holds nobody else', async () => {
    const file = JSON.parse(await readConfigFile()) as {
      readonly Routes: readonly { UpstreamPathTemplate: string; RateLimitOptions: object }[];
    };
    const paths = ['/orders', '/cart/checkout'];
    const limited = file.Routes.filter(({ UpstreamPathTemplate }) => paths.includes(UpstreamPathTemplate));
    const ofFile = { Period: '10s', Limit: 1_000 };
    for (const route of limited.filter(({ RateLimitOptions }) => 'ClientIdClaim' in RateLimitOptions)) {
      const rule = route.RateLimitOptions;
      assert.deepEqual({ ...rule, ...ofFile }, rule);
      // A period in which nothing passes, however busy the machine is.
      route.RateLimitOptions = { ...rule, Period: '1h', Limit: 2 };
    }
    const { url } = await startGateway(JSON.stringify(file));
    for (const path of paths) {
      const order = async (sub: string) =>
        await fetch(`${url}${path}`, {
          method: 'POST',
          headers: { authorization: `Bearer ${await issuer.sign({ sub })}` },
        });
      assert.deepEqual([(await order('alice')).status, (await order('alice')).status], [200, 200]);
      const refused = await order('alice');
      assert.equal(refused.status, 429, path);
      assert.match(refused.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
      const { code, detail } = (await refused.json()) as Record<string, unknown>;
      assert.deepEqual([code, detail], ['rate-limited', 'Rate limit exceeded']);
      assert.equal((await order('bob')).status, 200, path);
    }
  });

  it('shows health and metrics on its own local port', async () => {
    for (const path of ['/health/live', '/health/ready', '/metrics', '/openapi.json'])
      assert.equal((await fetch(`${admin}${path}`)).status, 200, path);
    assert.match(await (await fetch(`${admin}/metrics`)).text(), /http_route="\/orders\/\{everything\}"/);
  });
});

describe("the gateway's process", () => {
  it('says where it is, finds services by the registry and ends when its supervisor is gone', async (t) => {
    const registry = await startRegistry({ host: '127.0.0.1', port: 0 });
    const [host = '', port] = (await fakeService('inventory')).split(':');
    const instance = await register({
      url: registry.url,
      service: 'inventory',
      id: 'inventory-1',
      host,
      port: Number(port),
      logger: silentLogger,
    });
    t.after(async () => {
      await instance.deregister();
      await registry.close();
      for (const cleanup of cleanups.splice(0)) await cleanup();
    });
    const child = fork(new URL('./main.ts', import.meta.url), {
      env: {
        ...childEnvironment(),
        ...{ PORT: '0', REGISTRY_URL: registry.url, ISSUER: issuer.issuer },
        OPERATOR_TOKEN: 'for-operators-of-the-test',
      },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    t.after(() => child.kill('SIGKILL'));
    const [ready] = (await once(child, 'message')) as [
      { type: string; url: string; admin: string; operator: string },
    ];
    assert.equal(ready.type, 'ready');
    assert.equal((await fetch(`${ready.url}/products`)).status, 200);
    assert.equal((await fetch(`${ready.admin}/health/live`)).status, 200);
    const authorization = 'Bearer for-operators-of-the-test';
    assert.equal((await fetch(`${ready.operator}/routes`)).status, 401);
    const routes = (await (
      await fetch(`${ready.operator}/routes`, { headers: { authorization } })
    ).json()) as object[];
    assert.ok(routes.length > 20, `${routes.length} routes`);
    assert.match(
      await (await fetch(`${ready.admin}/metrics`)).text(),
      /discovery_age_seconds\{service="inventory"\}/,
    );
    const ended = once(child, 'exit');
    child.disconnect();
    assert.deepEqual(await ended, [0, null]);
  });

  it('refuses to start without its configuration and names all of what is missing', async () => {
    const child = fork(new URL('./main.ts', import.meta.url), {
      env: childEnvironment(),
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let errors = '';
    child.stderr?.on('data', (chunk) => {
      errors += String(chunk);
    });
    const [status] = (await once(child, 'close')) as [number];
    assert.equal(status, 78);
    assert.match(errors, /REGISTRY_URL.*ISSUER/s);
  });
});
