import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createTestIssuer } from '@flotilla/auth/testing';
import { createHttpClient, createHttpHost, handle, ok, problem, type RouteHandler } from '@flotilla/http';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { listOrders, listProducts } from '@shop/contracts';
import { createMobileBffApp } from './app.ts';

const issuer = createTestIssuer();
const EUR = (amountMinor: number) => ({ amountMinor, currency: 'EUR' });
const created = '2026-11-25T12:00:00.000Z';

const order = (n: number) => ({
  id: `01a2313a-6c60-73e0-9b12-cfda30b0c${String(n).padStart(3, '0')}`,
  status: 'Confirmed' as const,
  items: [{ productId: `sku-${n}`, name: 'Some product', quantity: 1, unitPrice: EUR(1_000) }],
  total: EUR(1_000),
  ...{ createdAt: created, updatedAt: created, history: [{ status: 'Confirmed' as const, at: created }] },
});
const product = (n: number) => ({
  id: `sku-${String(n).padStart(4, '0')}`,
  name: `Product with a name as long as names are ${n}`,
  description: 'x'.repeat(300),
  price: EUR(1_999),
  ...{ imageUrl: `/products/sku-${n}/image.svg`, thumbnailUrl: `/products/sku-${n}/thumbnail.svg` },
  available: true,
});

/** Of a machine that has other things to do. */
const PATIENT = { partMs: 60_000, pageMs: 60_000 };

/** The app between an order service and an inventory that do as told. */
async function start(t: TestContext, orders: RouteHandler, products: RouteHandler, limits = PATIENT) {
  const quiet = { logger: silentLogger, metrics: createMetrics() };
  const listen = async (service: string, handlers: readonly RouteHandler[]) => {
    const host = createHttpHost({
      ...quiet,
      service,
      handlers,
      readiness: {},
      verifyToken: issuer.verify,
      drainTimeoutMs: 50,
    });
    t.after(() => host.close());
    return await host.listen();
  };
  const clientOf = async (service: string, handler: RouteHandler) => {
    const { port } = await listen(service, [handler]);
    const client = createHttpClient({
      ...{ ...quiet, service },
      pick: async () => ({ id: `${service}-1`, service, host: '127.0.0.1', port }),
    });
    t.after(() => client.close());
    return client;
  };
  const deps = {
    orders: await clientOf('order', orders),
    inventory: await clientOf('inventory', products),
    ...{ logger: silentLogger, limits },
  };
  const { url } = await listen('mobile-bff', createMobileBffApp(deps));
  const token = await issuer.sign({ sub: 'alice', name: 'Alice', scope: 'orders.read' });
  return async (headers: Record<string, string> = { authorization: `Bearer ${token}` }) => {
    const response = await fetch(`${url}/mobile/home`, { headers });
    const text = await response.text();
    return { status: response.status, bytes: text.length, body: JSON.parse(text), headers: response.headers };
  };
}

const products = handle(listProducts, async ({ query: { limit = 0 } }) =>
  ok({ items: Array.from({ length: limit }, (_, n) => product(n)), next: null }),
);
const orders = handle(listOrders, async ({ query: { limit = 0 } }) =>
  ok({ items: Array.from({ length: limit }, (_, n) => order(n)), next: null }),
);

test('the first page of the app has five orders and ten products, in 6 kB at most', async (t) => {
  const home = await start(t, orders, products);
  const { status, bytes, body } = await home();
  assert.equal(status, 200);
  assert.ok(bytes <= 6_000, `${bytes} bytes`);
  assert.deepEqual(body.user, { name: 'Alice' });
  assert.deepEqual(body.degraded, []);
  assert.equal(body.recentOrders.length, 5);
  assert.deepEqual(body.recentOrders[0], { id: order(0).id, status: 'Confirmed', total: EUR(1_000) });
  assert.equal(body.featuredProducts.length, 10);
  const { id, name, price, thumbnailUrl: imageUrl } = product(0);
  assert.deepEqual(body.featuredProducts[0], { id, name, price, imageUrl });
});

test('a part that fails, and one that hangs, are named, and the rest is there', async (t) => {
  const failing = handle(listOrders, async () => {
    throw new Error('it broke');
  });
  const left = (await (await start(t, failing, products))()).body;
  assert.deepEqual([left.degraded, left.recentOrders], [['recentOrders'], null]);
  assert.equal(left.featuredProducts.length, 10);

  const hanging = handle(listProducts, ({ signal }) => {
    const { promise, reject } = Promise.withResolvers<never>();
    signal.addEventListener('abort', () => reject(signal.reason));
    return promise;
  });
  const right = (await (await start(t, orders, hanging, { partMs: 5_000, pageMs: 5_000 }))()).body;
  assert.deepEqual([right.degraded, right.featuredProducts], [['featuredProducts'], null]);
  assert.equal(right.recentOrders.length, 5);
});

test('nobody without a token, with a cookie alone, or whose token a service refuses gets a page', async (t) => {
  const home = await start(t, orders, products);
  for (const headers of [{}, { cookie: '__Host-fl-sid=some-session' }]) {
    const { status, headers: answered } = await home(headers);
    assert.equal(status, 401);
    assert.match(answered.get('www-authenticate') ?? '', /^Bearer/);
  }
  const refusing = handle(listOrders, async () => problem(401, 'unauthorized', 'revoked'));
  const { status, body } = await (await start(t, refusing, products))();
  assert.deepEqual([status, body.code], [401, 'unauthorized']);
});
