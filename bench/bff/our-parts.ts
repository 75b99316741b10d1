/** The services behind a front end, in one process: each answers after as long as it is told to. */
import { setTimeout as delay } from 'node:timers/promises';
import { createTestIssuer } from '@flotilla/auth/testing';
import { createHttpHost, handle, ok } from '@flotilla/http';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { listOrders, listPopular, listProducts, listRecommendations } from '@shop/contracts';
import { runProgram } from '../program.ts';

export interface Delays {
  readonly orders: number;
  readonly products: number;
  readonly recommendations: number;
}

const eur = (amountMinor: number) => ({ amountMinor, currency: 'EUR' });
const many = <T>(length: number, of: (n: number) => T) => Array.from({ length }, (_, n) => of(n));

const product = (n: number) => ({
  ...{ id: `sku-${n}`, name: `Product ${n}`, description: 'What there is to say of it.', available: true },
  ...{
    price: eur(1_999),
    imageUrl: `/products/sku-${n}/image.svg`,
    thumbnailUrl: `/products/sku-${n}/thumbnail.svg`,
  },
});
const order = (n: number) => ({
  id: `01a2313a-6c60-73e0-9b12-cfda30b0c${String(n).padStart(3, '0')}`,
  status: 'Confirmed' as const,
  items: [{ productId: 'sku-1', name: 'Product 1', quantity: 1, unitPrice: eur(1_999) }],
  total: eur(1_999),
  ...{ createdAt: '2026-11-25T12:00:00.000Z', updatedAt: '2026-11-25T12:00:00.000Z', history: [] },
});

const ORDERS = { items: many(20, order), next: null };
const PRODUCTS = { items: many(50, product), next: null };
const RECOMMENDATIONS = { items: many(12, product) };

await runProgram(async () => {
  const issuer = createTestIssuer();
  let delays: Delays = { orders: 0, products: 0, recommendations: 0 };
  const after = async (ms: number) => (ms === 0 ? undefined : await delay(ms));
  const recommend = async () => {
    await after(delays.recommendations);
    return ok(RECOMMENDATIONS);
  };
  const host = createHttpHost({
    ...{ service: 'parts', logger: silentLogger, metrics: createMetrics(), readiness: {}, load: false },
    verifyToken: issuer.verify,
    handlers: [
      handle(listOrders, async () => {
        await after(delays.orders);
        return ok(ORDERS);
      }),
      handle(listProducts, async () => {
        await after(delays.products);
        return ok(PRODUCTS);
      }),
      handle(listRecommendations, recommend),
      handle(listPopular, recommend),
    ],
  });
  const { port } = await host.listen();
  return {
    commands: {
      port: async () => port,
      token: async () => await issuer.sign({ sub: 'alice', scope: 'orders.read' }),
      delays: async (asked: Delays) => {
        delays = asked;
      },
    },
    close: () => host.close(),
  };
});
