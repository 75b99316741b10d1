/** A service of somebody who has only the packages: its row, its saga and its message commit together. */
import { randomUUID } from 'node:crypto';
import * as s from '@flotilla/kernel/schema';
import * as messaging from '@flotilla/messaging';
import { createDatabase, migrate } from '@flotilla/postgres';
import { startEmbeddedPostgres } from '@flotilla/postgres/embedded';
import { createSagaEngine, defineSaga, sagaMigrations } from '@flotilla/saga';
import { createMetrics, silentLogger } from '@flotilla/telemetry';

const orderConfirmed = messaging.defineMessage({
  type: 'order.confirmed.v1',
  description: 'An order was charged and shipped.',
  key: (order) => order.orderId,
  schema: s.object({ orderId: s.string() }),
});
const server = await startEmbeddedPostgres({ dataDir: 'data', logFile: 'postgres.log' });
const db = createDatabase({ uri: server.adminUri, applicationName: 'order' });
const { outboxMigrations, inboxMigrations, busMigrations } = messaging;
await migrate(db, [outboxMigrations, inboxMigrations, busMigrations, sagaMigrations]);
await db.query('CREATE TABLE customer_order (id uuid PRIMARY KEY, status text NOT NULL)');

const shared = { logger: silentLogger, metrics: createMetrics() };
const transport = messaging.createPostgresTransport({ uri: server.adminUri, ...shared });
const relay = messaging.createRelay({ db, transport, ...shared });
const outbox = messaging.createOutbox({ source: 'order', onCommit: relay.nudge });
const done = async () => ({ ok: true, result: undefined }) as const;
const placeOrder = defineSaga<{ orderId: string }>({
  ...{ type: 'place-order', version: 1, deadlineMs: 60_000 },
  steps: (step) => [
    step({ name: 'charge', do: done, undo: async () => {} }),
    step({ name: 'ship', do: done }),
  ],
  onCompleted: async (tx, { orderId }) => {
    await tx.query(`UPDATE customer_order SET status = 'confirmed' WHERE id = $1`, [orderId]);
    await outbox.publish(tx, orderConfirmed, { orderId });
  },
  onCompensated: async (tx, { orderId }) => {
    await tx.query('DELETE FROM customer_order WHERE id = $1', [orderId]);
  },
});
const sagas = createSagaEngine({ db, definitions: [placeOrder], instanceId: 'order-1', ...shared });
const mailed = Promise.withResolvers<string>();
const mail = messaging.on(orderConfirmed, async ({ data }) => mailed.resolve(data.orderId));
const consumer = messaging.createConsumer({ name: 'mail', db, transport, handlers: [mail], ...shared });
await consumer.start();
relay.start();
sagas.run();

const orderId = randomUUID();
await db.transaction(async (tx) => {
  await tx.query(`INSERT INTO customer_order VALUES ($1, 'pending')`, [orderId]);
  await sagas.start(tx, placeOrder, { id: orderId, data: { orderId } });
});
const [order] = (await mailed.promise) === orderId ? await db.query('SELECT status FROM customer_order') : [];
console.log(order);
for (const part of [sagas, consumer, relay, transport, db, server])
  await ('stop' in part ? part.stop() : part.close());
