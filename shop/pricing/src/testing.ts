import { join } from 'node:path';
import { createTestIssuer } from '@flotilla/auth/testing';
import { createHttpHost } from '@flotilla/http';
import { systemClock, uuidv7 } from '@flotilla/kernel';
import {
  createConsumer,
  createOutbox,
  inboxMigrations,
  type MessageType,
  outboxMigrations,
} from '@flotilla/messaging';
import { createMemoryTransport, createTestMessage } from '@flotilla/messaging/testing';
import { createTestDatabase } from '@flotilla/postgres/testing';
import { createMetrics, currentActing, silentLogger } from '@flotilla/telemetry';
import { createPricingApp } from './app.ts';

const migrations = { name: 'pricing', directory: join(import.meta.dirname, '../migrations') };

/** The pricing service on a database of its own, beside a catalogue that the test fills. */
export async function startPricing({ quoteTtlMs = 900_000 } = {}) {
  const database = await createTestDatabase([migrations, outboxMigrations, inboxMigrations]);
  const { db, uri, close } = database;
  const own = await database.asService(currentActing);
  const catalogue = new Map<string, { readonly amountMinor: number; readonly currency: string }>();
  const app = createPricingApp({
    db: own,
    outbox: createOutbox({ source: 'pricing' }),
    lookUpProducts: async (ids) =>
      ids.flatMap((id) => {
        const price = catalogue.get(id);
        return price ? [{ id, name: `Product ${id}`, price }] : [];
      }),
    clock: systemClock,
    newId: uuidv7,
    quoteTtlMs,
  });
  const issuer = createTestIssuer();
  const quiet = { logger: silentLogger, metrics: createMetrics() };
  const host = createHttpHost({
    ...{ ...quiet, service: 'pricing', handlers: app.handlers, readiness: {} },
    verifyToken: issuer.verify,
  });
  const transport = createMemoryTransport();
  const consumer = createConsumer({
    ...quiet,
    name: 'pricing',
    db: own,
    transport,
    handlers: app.subscriptions,
  });
  await consumer.start();

  /** What somebody with a token of these claims does. */
  const caller = async (claims: Readonly<Record<string, unknown>>) => {
    const authorization = `Bearer ${await issuer.sign(claims)}`;
    return async (method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, payload?: object) => {
      const response = await host.inject({
        method,
        url,
        headers: { authorization },
        ...(payload && { payload }),
      });
      return { status: response.statusCode, body: response.body === '' ? undefined : response.json() };
    };
  };

  return {
    db,
    uri,
    app,
    catalogue,
    customer: (sub: string) => caller({ sub }),
    admin: () => caller({ sub: 'admin', role: 'Admin' }),
    service: () => caller({ sub: 'order', client_id: 'order', scope: 'pricing.write' }),
    publish: <T>(type: MessageType<T>, data: T, id: string = uuidv7()) =>
      transport.publish([createTestMessage(type, data, { id })]),
    /** Types of the events that wait to be sent, oldest first. */
    published: async () => {
      const rows = await db.query<{ readonly type: string }>('SELECT type FROM outbox ORDER BY id');
      return rows.map(({ type }) => type);
    },
    close: async () => {
      await consumer.close();
      await host.close();
      await close();
    },
  };
}

export type PricingRig = Awaited<ReturnType<typeof startPricing>>;
export type Caller = Awaited<ReturnType<PricingRig['customer']>>;
