/** Starts `service.ts` on a database of its own, asks it for an order, and waits until it tells that the order was shipped. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import * as s from '@flotilla/kernel/schema';
import { createConsumer, createPostgresTransport, defineMessage, on } from '@flotilla/messaging';
import { createTestMessage } from '@flotilla/messaging/testing';
import { createDatabase } from '@flotilla/postgres';
import { startEmbeddedPostgres } from '@flotilla/postgres/embedded';
import { startServiceProcess } from '@flotilla/service/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';

const order = {
  description: 'As the service declares it.',
  key: ({ id }: { readonly id: string }) => id,
  schema: s.object({ id: s.string() }),
};
const placed = defineMessage({ type: 'order.placed.v1', ...order });
const shipped = defineMessage({ type: 'order.shipped.v1', ...order });
const shared = { logger: silentLogger, metrics: createMetrics() };
await using stack = new AsyncDisposableStack();

const { adminUri: uri, stop } = await startEmbeddedPostgres({ dataDir: 'data', logFile: 'postgres.log' });
stack.defer(stop);
const service = await startServiceProcess('service.ts', { DATABASE_URL: uri, BUS_URL: uri });
stack.defer(async () => {
  service.child.kill('SIGTERM');
  assert.equal(await service.ended(), 0);
});
const db = createDatabase({ uri, applicationName: 'customer' });
stack.defer(db.close);
const transport = createPostgresTransport({ uri, ...shared });
stack.defer(transport.close);
const told = Promise.withResolvers<string>();
const handlers = [on(shipped, async ({ data }) => told.resolve(data.id))];
const consumer = createConsumer({ name: 'customer', db, transport, handlers, ...shared });
stack.defer(consumer.close);
await consumer.start();

const id = randomUUID();
await transport.publish([createTestMessage(placed, { id })]);
assert.equal(await told.promise, id);
assert.deepEqual(await db.query('SELECT id FROM customer_order'), [{ id }]);
