import { join } from 'node:path';
import { createTestIssuer, type TestIssuer } from '@flotilla/auth/testing';
import { createRoundRobin, createStaticResolver } from '@flotilla/discovery';
import { createHttpClient, createHttpHost } from '@flotilla/http';
import { type Clock, systemClock, uuidv7 } from '@flotilla/kernel';
import { createOutbox, inboxMigrations, type Outbox, outboxMigrations } from '@flotilla/messaging';
import type { Queryable } from '@flotilla/postgres';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { chargePayment, refundPayment } from '@shop/contracts';
import { API_KEY, startTestProvider, type TestProvider } from '@shop/payment-provider/testing';
import { createPaymentApp, type PaymentApp } from './app.ts';
import { createHttpPaymentProvider } from './http-payment-provider.ts';
import { announceOutcomes } from './outcome-events.ts';
import type { PaymentProvider } from './payment-provider.ts';
import { createPaymentStore } from './payment-store.ts';
import type { PaymentDeps } from './settlement.ts';

/** The payment service and the test provider on real databases and real ports, for tests. */

const EUR_1999 = { amountMinor: 1_999, currency: 'EUR' };

/** A client of the provider, with our API key unless another is given. */
export function connectProvider(address: string, timeoutMs: number, apiKey: string = API_KEY) {
  const client = createHttpClient({
    service: 'payment-provider',
    pick: createRoundRobin(createStaticResolver({ 'payment-provider': [address] })).pick,
    token: apiKey,
    logger: silentLogger,
    metrics: createMetrics(),
  });
  return { client, provider: createHttpPaymentProvider(client, timeoutMs) };
}

export interface TestPayment {
  readonly database: TestDatabase;
  readonly provider: TestProvider;
  readonly deps: PaymentDeps;
  readonly app: PaymentApp;
  readonly issuer: TestIssuer;
  charge(
    orderId: string,
    token: string,
    amount?: typeof EUR_1999,
  ): Promise<{ status: string; reason?: string }>;
  refund(orderId: string): Promise<string>;
  /** Status, bookings and the balance of the clearing account of an order, with the provider's view of it. */
  state(orderId: string): Promise<OrderMoney>;
  close(): Promise<void>;
}

export interface OrderMoney {
  readonly status: string | undefined;
  readonly bookings: string;
  readonly clearing: number;
  readonly providerStatus: string | undefined;
  readonly providerRefunds: number;
}

export interface TestPaymentOptions {
  /** Longest wait for one answer of the provider. Default 500 ms. */
  readonly timeoutMs?: number;
  readonly leaseMs?: number;
  /** Says how long slow charges of the provider take. */
  readonly providerClock?: Clock;
  readonly overdueMs?: number;
  /** Changes the outbox: to fail while publishing. */
  readonly wrapOutbox?: (outbox: Outbox) => Outbox;
  /** Changes the port to the provider: to fail between two steps. */
  readonly wrap?: (provider: PaymentProvider) => PaymentProvider;
}

export async function startTestPayment(options: TestPaymentOptions = {}): Promise<TestPayment> {
  const provider = await startTestProvider(options.providerClock);
  const database = await createTestDatabase([
    { name: 'payment', directory: join(import.meta.dirname, '../migrations') },
    inboxMigrations,
    outboxMigrations,
  ]);
  const outgoing = connectProvider(provider.address(), options.timeoutMs ?? 500);
  const issuer = createTestIssuer();
  const storeOn = (queryable: Queryable) =>
    createPaymentStore(queryable, uuidv7, {
      leaseMs: options.leaseMs ?? 1_000,
      overdueMs: options.overdueMs ?? 0,
    });
  const plainOutbox = createOutbox({ source: 'payment' });
  const outbox = options.wrapOutbox ? options.wrapOutbox(plainOutbox) : plainOutbox;
  const deps: PaymentDeps = {
    store: announceOutcomes({ db: database.db, storeOn, outbox }),
    provider: options.wrap ? options.wrap(outgoing.provider) : outgoing.provider,
    clock: systemClock,
    newId: uuidv7,
    random: Math.random,
    logger: silentLogger,
  };
  const app = createPaymentApp({ ...deps, storeOn, outbox, metrics: createMetrics() });
  const host = createHttpHost({
    service: 'payment',
    handlers: app.handlers,
    verifyToken: issuer.verify,
    logger: silentLogger,
    metrics: createMetrics(),
    readiness: {},
    drainTimeoutMs: 50,
  });
  const { port } = await host.listen();
  const client = createHttpClient({
    service: 'payment',
    pick: createRoundRobin(createStaticResolver({ payment: [`127.0.0.1:${port}`] })).pick,
    token: await issuer.sign({ sub: 'order', client_id: 'order', scope: 'payment.write' }),
    logger: silentLogger,
    metrics: createMetrics(),
    timeoutMs: 20_000,
  });
  return {
    database,
    provider,
    deps,
    app,
    issuer,
    charge: async (orderId, token, amount = EUR_1999) => {
      const body = { amount, payment: { token }, customerId: 'alice' };
      return (await client.call(chargePayment, { params: { orderId }, body })).body;
    },
    refund: async (orderId) => (await client.call(refundPayment, { params: { orderId } })).body.status,
    state: (orderId) => moneyOf(orderId, database, provider.database),
    close: async () => {
      await client.close();
      await host.close();
      await outgoing.client.close();
      await provider.close();
      await database.close();
    },
  };
}

async function moneyOf(orderId: string, ours: TestDatabase, theirs: TestDatabase): Promise<OrderMoney> {
  const [payment] = await ours.db.query<{ id: string; status: string; bookings: string; clearing: string }>(
    `SELECT p.id, p.status,
       COALESCE((SELECT string_agg(t.kind, ',' ORDER BY t.booked_at) FROM ledger_transaction t WHERE t.payment_id = p.id), '')
         AS bookings,
       COALESCE((SELECT sum(e.amount_minor) FROM ledger_entry e JOIN ledger_transaction t ON t.id = e.transaction_id
                 WHERE t.payment_id = p.id AND e.account = 'provider-clearing'), 0) AS clearing
     FROM payment p WHERE p.order_id = $1`,
    [orderId],
  );
  const charges = await theirs.db.query<{ status: string; refunds: number }>(
    `SELECT c.status, (SELECT count(*)::int FROM refund r WHERE r.charge_id = c.id) AS refunds
     FROM charge c WHERE c.idempotency_key = $1 OR c.reference = $2`,
    [payment?.id ?? '', orderId],
  );
  if (charges.length > 1) throw new Error(`order ${orderId} has ${charges.length} charges at the provider`);
  return {
    status: payment?.status,
    bookings: payment?.bookings ?? '',
    clearing: Number(payment?.clearing ?? 0),
    providerStatus: charges[0]?.status,
    providerRefunds: charges[0]?.refunds ?? 0,
  };
}
