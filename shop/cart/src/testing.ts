import { join } from 'node:path';
import type { VerifyToken } from '@flotilla/auth';
import { createTestIssuer } from '@flotilla/auth/testing';
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
import { uuidv7 } from '@flotilla/kernel';
import { createConsumer, inboxMigrations, type MessageType } from '@flotilla/messaging';
import { createMemoryTransport, createTestMessage } from '@flotilla/messaging/testing';
import { createTestDatabase } from '@flotilla/postgres/testing';
import { createMetrics, currentActing, silentLogger } from '@flotilla/telemetry';
import { getOrder, lookUpProducts, type OrderStatus, placeOrder } from '@shop/contracts';
import { createCartApp } from './app.ts';

const cartMigrations = { name: 'cart', directory: join(import.meta.dirname, '..', 'migrations') };

const quiet = { logger: silentLogger, readiness: {} };

export interface ReceivedOrder {
  readonly customerId: string;
  readonly key: string | undefined;
  readonly prefer: string | undefined;
  readonly body: BodyFor<typeof placeOrder>;
}

/** The cart service on a database of its own, between an inventory and an order service that are fakes. */
export async function startCart() {
  const issuer = createTestIssuer();
  const database = await createTestDatabase([cartMigrations, inboxMigrations]);
  const { db } = database;
  const own = await database.asService(currentActing);

  const inventory = await startFake('inventory', issuer.verify, [
    handle(lookUpProducts, async ({ body }) => {
      const known = body.ids.filter((id) => id.startsWith('sku-'));
      return ok({
        items: known.map((id) => ({ id, name: id, price: { amountMinor: 100, currency: 'EUR' } })),
      });
    }),
  ]);
  const received: ReceivedOrder[] = [];
  const script: { answer: (order: ReceivedOrder) => Promise<RouteReply<typeof placeOrder>> } = {
    answer: async () => ({ status: 202, body: orderOf('order-1'), headers: { location: '/orders/order-1' } }),
  };
  /** What the order service shows; orders that it answered with are not among them by themselves. */
  const orders = new Map<string, ReturnType<typeof orderOf>>();
  const order = await startFake('order', issuer.verify, [
    handle(placeOrder, async ({ body, headers, principal }) => {
      const { 'idempotency-key': key, prefer } = headers;
      const one = { customerId: principal.subject, key, prefer, body };
      received.push(one);
      return await script.answer(one);
    }),
    handle(getOrder, async ({ params }) => {
      const order = orders.get(params.id);
      return order ? ok(order) : problem(404, 'order-not-found');
    }),
  ]);

  const services = { inventory: [inventory.address], order: [order.address] };
  const { pick } = createRoundRobin(createStaticResolver(services));
  const calls = { pick, logger: silentLogger, metrics: createMetrics() };
  const token = await issuer.sign({ sub: 'cart', client_id: 'cart', scope: 'inventory.read' });
  const clients = {
    inventory: createHttpClient({ ...calls, service: 'inventory', token, timeoutMs: 2_000 }),
    orders: createHttpClient({ ...calls, service: 'order', token }),
  };
  const app = createCartApp({ db: own, ...clients });
  const metrics = createMetrics();
  const { handlers } = app;
  const host = createHttpHost({ ...quiet, service: 'cart', handlers, verifyToken: issuer.verify, metrics });

  const transport = createMemoryTransport();
  const logger = silentLogger;
  const consumer = createConsumer({
    name: 'cart',
    db: own,
    transport,
    handlers: app.subscriptions,
    logger,
    metrics,
  });
  await consumer.start();

  return {
    db,
    uri: database.uri,
    issuer,
    checkouts: app.checkouts,
    received,
    script,
    orders,
    inventory,
    order,
    /** What one customer does. */
    customer: async (customerId: string, claims: Readonly<Record<string, unknown>> = {}) => {
      const signed = await issuer.sign({
        sub: customerId,
        scope: 'orders.read',
        permissions: ['orders.write'],
        ...claims,
      });
      return async (
        method: 'GET' | 'PUT' | 'POST' | 'DELETE',
        url: string,
        payload?: object,
        headers: Readonly<Record<string, string>> = {},
      ) => {
        const authorization = `Bearer ${signed}`;
        const response = await host.inject({
          method,
          url,
          headers: { authorization, ...headers },
          ...(payload && { payload }),
        });
        const body: Record<string, unknown> = response.body === '' ? {} : response.json();
        return { status: response.statusCode, headers: response.headers, body };
      };
    },
    publish: async <T>(type: MessageType<T>, data: T, id: string = uuidv7()) => {
      await transport.publish([createTestMessage(type, data, { id })]);
      return id;
    },
    close: async () => {
      await consumer.close();
      await host.close();
      await Promise.all([clients.inventory.close(), clients.orders.close()]);
      await Promise.all([inventory.close(), order.close()]);
      await database.close();
    },
  };
}

export type CartRig = Awaited<ReturnType<typeof startCart>>;
export type Customer = Awaited<ReturnType<CartRig['customer']>>;

async function startFake(service: string, verifyToken: VerifyToken, handlers: readonly RouteHandler[]) {
  const host = createHttpHost({ ...quiet, service, handlers, verifyToken, metrics: createMetrics() });
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
