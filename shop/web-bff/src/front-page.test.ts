import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Session } from '@flotilla/bff';
import {
  createHttpClient,
  createHttpHost,
  type HttpClient,
  handle,
  ok,
  problem,
  type Route,
  type RouteHandler,
} from '@flotilla/http';
import { PlatformError } from '@flotilla/kernel';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { getWebHome, listOrders, listPopular, listProducts, listRecommendations } from '@shop/contracts';
import { type FrontPageDeps, frontPage } from './front-page.ts';

const EUR = (amountMinor: number) => ({ amountMinor, currency: 'EUR' });
const product = (n: number) => ({
  id: `sku-${String(n).padStart(4, '0')}`,
  name: `Product with a name as long as names are ${n}`,
  description: 'x'.repeat(300),
  price: EUR(1_999),
  imageUrl: `/products/sku-${n}/image.svg`,
  thumbnailUrl: `/products/sku-${n}/thumbnail.svg`,
  available: true,
});
const order = (n: number) => ({
  id: `01a2313a-6c60-73e0-9b12-cfda30b0c${String(n).padStart(3, '0')}`,
  status: 'Confirmed' as const,
  items: Array.from({ length: 10 }, (_, i) => ({
    productId: `sku-${i}`,
    name: 'Some product',
    quantity: 1,
    unitPrice: EUR(100),
  })),
  total: EUR(1_000),
  createdAt: '2026-11-25T12:00:00.000Z',
  updatedAt: '2026-11-25T12:00:00.000Z',
  history: [],
});
const pageOf = <T>(length: number, of: (n: number) => T) => ({
  items: Array.from({ length }, (_, n) => of(n)),
  next: null,
});

type Serve = (handlers: readonly RouteHandler[]) => Promise<HttpClient>;
type Behaviour = 'fine' | 'hangs' | 'fails' | 'unauthorized';

const session = {
  ...{
    idHash: Buffer.alloc(32),
    version: 1,
    issuerSession: 'sid',
    accessToken: 'token',
    refreshToken: 'refresh',
  },
  user: { id: 'alice', name: 'Alice', email: 'alice@shop.test', tenantId: null },
  ...{ accessExpiresAt: new Date(), idleUntil: new Date(), endsAt: new Date() },
} satisfies Session;

/** Of a machine that has other things to do. */
const PATIENT = { partMs: 60_000, optionalMs: 60_000, pageMs: 60_000 };

/** A page between services that behave as told; `asked` counts what reached them. */
async function page(
  behaviour: Partial<Record<'orders' | 'products' | 'recommendations', Behaviour>>,
  visitor: {
    readonly limits?: FrontPageDeps['limits'];
    readonly session?: Session | Error;
    readonly token?: Session | undefined | Error;
    readonly renewed?: Session;
  } = { session },
) {
  const asked: string[] = [];
  const closers: (() => Promise<void>)[] = [];
  const quiet = { logger: silentLogger, metrics: createMetrics() };
  const serve: Serve = async (handlers) => {
    const host = createHttpHost({
      ...quiet,
      service: 'service',
      handlers,
      readiness: {},
      verifyToken: async () =>
        ({ subject: 'alice', scopes: new Set(['orders.read']), permissions: new Set() }) as never,
      drainTimeoutMs: 50,
    });
    const { port } = await host.listen();
    const pick = async () => ({ id: 's-1', host: '127.0.0.1', port });
    const client = createHttpClient({ ...quiet, service: 'service', pick: pick as never });
    closers.push(
      () => client.close(),
      () => host.close(),
    );
    return client;
  };
  const behaving = <R extends Route>(
    route: R,
    name: string,
    how: Behaviour = 'fine',
    body: unknown,
  ): RouteHandler =>
    handle(route, (async () => {
      asked.push(name);
      if (how === 'hangs') await new Promise(() => undefined);
      if (how === 'fails') throw new Error('it broke');
      return how === 'unauthorized' ? problem(401, 'unauthorized') : ok(body);
    }) as never);
  const { orders, products, recommendations } = behaviour;
  const suggested = { items: Array.from({ length: 12 }, (_, n) => product(n)) };
  const known = 'session' in visitor ? visitor.session : undefined;
  const token = 'token' in visitor ? visitor.token : known;
  const give = async <T>(value: T | Error): Promise<T> => {
    if (value instanceof Error) throw value;
    return value;
  };
  const deps: FrontPageDeps = {
    bff: {
      guard: { checkOrigin: () => undefined, sessionOf: () => give(known), sessionIdOf: () => undefined },
      sessions: {
        withToken: (_: Session, refused?: string) =>
          refused === undefined ? give(token) : give(visitor.renewed),
      } as never,
    },
    orders: await serve([behaving(listOrders, 'orders', orders, pageOf(20, order))]),
    inventory: await serve([behaving(listProducts, 'products', products, pageOf(50, product))]),
    recommendation: await serve([
      behaving(listRecommendations, 'recommendations', recommendations, suggested),
      behaving(listPopular, 'popular', recommendations, suggested),
    ]),
    logger: silentLogger,
    limits: visitor.limits ?? PATIENT,
  };
  try {
    return { answer: await frontPage(deps, {}, new AbortController().signal), asked };
  } finally {
    for (const close of closers) await close();
  }
}

function bodyOf({ answer }: Awaited<ReturnType<typeof page>>) {
  assert.ok('body' in answer, JSON.stringify(answer));
  return answer.body;
}

const retryable = new PlatformError('BFF_ISSUER_UNAVAILABLE', 'away', { retryable: true });

describe('the first page', () => {
  it('has all its parts, in 20 kB at most', async () => {
    const host = createHttpHost({
      ...{ service: 'web-bff', readiness: {}, logger: silentLogger, metrics: createMetrics() },
      handlers: [handle(getWebHome, async () => (await page({}, { session })).answer)],
    });
    const { body, headers } = await host.inject('/web/home');
    await host.close();
    const home = JSON.parse(body) as Record<string, unknown[]>;
    assert.deepEqual(home['degraded'], []);
    assert.deepEqual(
      [home['recentOrders']?.length, home['featuredProducts']?.length, home['recommendations']?.length],
      [20, 50, 12],
    );
    assert.ok(Buffer.byteLength(body) <= 20_000, `${Buffer.byteLength(body)} bytes`);
    assert.equal(headers['cache-control'], 'no-store');
  });

  it('is there without a part that hangs or fails, within its time', async () => {
    const limits = { ...PATIENT, optionalMs: 100 };
    const one = await page({ orders: 'fails', recommendations: 'hangs' }, { session, limits });
    const home = bodyOf(one);
    assert.deepEqual(home.degraded, ['recentOrders', 'recommendations']);
    assert.equal(home.recentOrders, null);
    assert.equal(home.featuredProducts?.length, 50);
    assert.ok(one.asked.filter((name) => name === 'orders').length <= 3);
  });

  it('is there for a visitor, without orders', async () => {
    const visit = await page({}, {});
    const home = bodyOf(visit);
    assert.equal(home.user, null);
    assert.deepEqual([home.recentOrders, home.degraded], [[], []]);
    assert.deepEqual(visit.asked.sort(), ['popular', 'products']);
  });

  it('never says that somebody has signed out because it does not know', async () => {
    assert.deepEqual(bodyOf(await page({}, { session: retryable })).degraded, ['user', 'recentOrders']);
    const home = bodyOf(await page({}, { session, token: retryable }));
    assert.equal(home.user?.id, 'alice');
    assert.deepEqual(home.degraded, ['recentOrders']);
  });

  it('is 401 when a service says so of the session, after one try with another token', async () => {
    const ended = await page({ orders: 'unauthorized' });
    assert.equal(ended.answer.status, 401);
    const again = await page({ orders: 'unauthorized' }, { session, renewed: session });
    assert.equal(again.answer.status, 401);
    assert.equal(again.asked.filter((name) => name === 'orders').length, 2);
  });
});
