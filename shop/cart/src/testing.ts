import { join } from 'node:path';
import type { VerifyToken } from '@flotilla/auth';
import { createRoundRobin, createStaticResolver } from '@flotilla/discovery';
import {
  type BodyFor,
  createHttpClient,
  createHttpHost,
  handle,
  ok,
  problem,
  type RouteHandler,
  type RouteReply,
} from '@flotilla/http';
import { inboxMigrations } from '@flotilla/messaging';
import { createTestService } from '@flotilla/service/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { getOrder, lookUpProducts, type OrderStatus, placeOrder } from '@shop/contracts';
import { createCartApp } from './app.ts';

const cartMigrations = { name: 'cart', directory: join(import.meta.dirname, '..', 'migrations') };

export interface ReceivedOrder {
  readonly customerId: string;
  readonly key: string | undefined;
  readonly prefer: string | undefined;
  readonly body: BodyFor<typeof placeOrder>;
}

/** The cart service on a database of its own, between an inventory and an order service that are fakes. */
export async function startCart() {
  const service = await createTestService('cart', [cartMigrations, inboxMigrations]);
  const { issuer, owner, uri, publish, close } = service;
  const inventory = await startInventory(issuer.verify);
  service.defer(inventory.close);
  const { order, ...orders } = await startOrders(issuer.verify);
  service.defer(order.close);

  const { pick } = createRoundRobin(
    createStaticResolver({ inventory: [inventory.address], order: [order.address] }),
  );
  const calls = { pick, logger: silentLogger, metrics: createMetrics(), timeoutMs: 30_000 };
  const token = await issuer.sign({ sub: 'cart', client_id: 'cart', scope: 'inventory.read' });
  const clients = {
    inventory: createHttpClient({ ...calls, service: 'inventory', token }),
    orders: createHttpClient({ ...calls, service: 'order', token }),
  };
  for (const client of Object.values(clients)) service.defer(() => client.close());
  const app = createCartApp({ db: service.db, ...clients });
  service.serve(app.handlers);
  await service.consume(app.subscriptions);

  return {
    ...{ db: owner, uri, issuer, publish, close, inventory, order, ...orders },
    checkouts: app.checkouts,
    /** What one customer does. */
    customer: async (customerId: string, claims: Readonly<Record<string, unknown>> = {}) => {
      const as = { sub: customerId, scope: 'orders.read', permissions: ['orders.write'], ...claims };
      return (
        method: 'GET' | 'PUT' | 'POST' | 'DELETE',
        url: string,
        body?: object,
        headers: Readonly<Record<string, string>> = {},
      ) => service.request(method, url, { as, headers, ...(body && { body }) });
    },
  };
}

/** Products whose id begins with `sku-` exist. */
function startInventory(verifyToken: VerifyToken) {
  return startFake('inventory', verifyToken, [
    handle(lookUpProducts, async ({ body }) => {
      const known = body.ids.filter((id) => id.startsWith('sku-'));
      return ok({
        items: known.map((id) => ({ id, name: id, price: { amountMinor: 100, currency: 'EUR' } })),
      });
    }),
  ]);
}

async function startOrders(verifyToken: VerifyToken) {
  const received: ReceivedOrder[] = [];
  const script: { answer: (order: ReceivedOrder) => Promise<RouteReply<typeof placeOrder>> } = {
    answer: async () => ({ status: 202, body: orderOf('order-1'), headers: { location: '/orders/order-1' } }),
  };
  /** What the order service shows; orders that it answered with are not among them by themselves. */
  const orders = new Map<string, ReturnType<typeof orderOf>>();
  const order = await startFake('order', verifyToken, [
    handle(placeOrder, async ({ body, headers, principal }) => {
      const { 'idempotency-key': key, prefer } = headers;
      const one = { customerId: principal.subject, key, prefer, body };
      received.push(one);
      return await script.answer(one);
    }),
    handle(getOrder, async ({ params }) => {
      const found = orders.get(params.id);
      return found ? ok(found) : problem(404, 'order-not-found');
    }),
  ]);
  return { order, received, script, orders };
}

export type CartRig = Awaited<ReturnType<typeof startCart>>;
export type Customer = Awaited<ReturnType<CartRig['customer']>>;

async function startFake(service: string, verifyToken: VerifyToken, handlers: readonly RouteHandler[]) {
  const quiet = { logger: silentLogger, readiness: {}, metrics: createMetrics() };
  const host = createHttpHost({ ...quiet, service, handlers, verifyToken });
  const { port } = await host.listen();
  return { address: `127.0.0.1:${port}`, close: () => host.close() };
}

export function orderOf(
  id: string,
  status: OrderStatus = 'Pending',
  bought: Readonly<Record<string, number>> = {},
) {
  const at = '2026-01-01T00:00:00.000Z';
  return {
    id,
    status,
    items: linesOf(bought),
    total: { amountMinor: 0, currency: 'EUR' },
    createdAt: at,
    updatedAt: at,
    history: [{ status, at }],
  };
}

function linesOf(bought: Readonly<Record<string, number>>) {
  const unitPrice = { amountMinor: 100, currency: 'EUR' };
  return Object.entries(bought).map(([productId, quantity]) => ({
    productId,
    name: productId,
    quantity,
    unitPrice,
  }));
}

/** What the order service reports about an order that has ended. */
export function endedOrder(
  customerId: string,
  idempotencyKey: string,
  bought: Readonly<Record<string, number>>,
) {
  const unitPrice = { amountMinor: 100, currency: 'EUR' };
  return {
    orderId: `order-of-${idempotencyKey}`,
    customerId,
    idempotencyKey,
    items: linesOf(bought),
    total: unitPrice,
  };
}

export const checkoutBody = {
  payment: { token: 'tok_ok' },
  shippingAddress: { name: 'A', line1: 'Street 1', city: 'Town', postalCode: '12345', country: 'DE' },
};
