import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, describe, it } from 'node:test';
import { armCrashPoint, systemClock } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { createConsumer, createOutbox, type MessageType } from '@flotilla/messaging';
import { createMemoryTransport, createTestMessage } from '@flotilla/messaging/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { orderCancellationRequested, orderRequested, paymentProcessed } from '@shop/contracts';
import { createTestInventory } from '../test/inventories.ts';
import { createInventoryApp } from './app.ts';

describe('inventory in an order that runs by events', () => {
  const transport = createMemoryTransport();
  let inventory: Awaited<ReturnType<typeof createTestInventory>>;
  let stop = async (): Promise<void> => undefined;
  before(async () => {
    inventory = await createTestInventory();
    const observed = { logger: silentLogger, metrics: createMetrics() };
    const app = createInventoryApp({
      ...observed,
      ...{ stock: inventory.stock, catalogue: inventory.catalogue },
      outbox: createOutbox({ source: 'inventory' }),
      clock: systemClock,
      reservationTtlSeconds: 1_800,
      expiryIntervalMs: 60_000,
    });
    const consumer = createConsumer({
      ...observed,
      name: 'inventory',
      db: inventory.db,
      transport,
      handlers: app.subscriptions,
      retry: { delaysMs: [1, 1, 1] },
      maxBatch: 1,
    });
    await consumer.start();
    stop = () => consumer.close();
  });
  afterEach(() => armCrashPoint('', () => undefined));
  after(async () => {
    await stop();
    await inventory.close();
  });

  /** Publishes a message and waits until it has been handled. */
  async function hear<T>(type: MessageType<T>, data: T): Promise<void> {
    const message = createTestMessage(type, data);
    await transport.publish([message]);
    await eventually('it has been handled', async () => {
      const rows = await inventory.db.query('SELECT FROM inbox WHERE message_id = $1', [message.id]);
      return rows.length === 1;
    });
  }

  /** What was told about an order, in order: `inventory.reserved`, `inventory.reservation-failed out-of-stock`, … */
  async function told(orderId: string): Promise<readonly string[]> {
    const rows = await inventory.db.query<{ type: string; reason: string | null }>(
      `SELECT type, envelope::jsonb->'data'->>'reason' AS reason FROM outbox WHERE key = $1 ORDER BY id`,
      [orderId],
    );
    return rows.map(({ type, reason }) => type.replace('.v1', reason === null ? '' : ` ${reason}`));
  }

  const request = (orderId: string, productId: string, quantity: number) =>
    hear(orderRequested, { orderId, items: [{ productId, quantity }] });
  const pay = (orderId: string) => hear(paymentProcessed, { orderId, paymentId: 'p' });
  const cancel = (orderId: string) => hear(orderCancellationRequested, { orderId, reason: 'order-expired' });

  it('holds what is asked for, takes it when it is paid, and tells both', async () => {
    const [orderId, product] = [randomUUID(), await inventory.addProduct(10)];
    await request(orderId, product, 3);
    assert.deepEqual(await inventory.stock.find(product), { onHand: 10, reserved: 3 });
    await pay(orderId);
    assert.deepEqual(await inventory.stock.find(product), { onHand: 7, reserved: 0 });
    assert.deepEqual(await told(orderId), ['inventory.reserved', 'inventory.committed']);
  });

  it('tells why it cannot hold something', async () => {
    const [orderId, product] = [randomUUID(), await inventory.addProduct(2)];
    await request(orderId, product, 3);
    assert.deepEqual(await told(orderId), ['inventory.reservation-failed out-of-stock']);
    assert.equal(await inventory.statusOf(orderId), undefined);
  });

  it('tells when paid goods were sold to others after the reservation had expired', async () => {
    const [orderId, product] = [randomUUID(), await inventory.addProduct(3)];
    await request(orderId, product, 3);
    await inventory.makeOverdue(orderId);
    await inventory.stock.expireDue(100);
    await request(randomUUID(), product, 1);
    await pay(orderId);
    assert.deepEqual(await told(orderId), [
      'inventory.reserved',
      'inventory.reservation-failed out-of-stock',
    ]);
  });

  it('gives back whatever an order has when it is cancelled, and takes nothing for it afterwards', async () => {
    for (const happened of [[], ['request'], ['request', 'pay']] as const) {
      const [orderId, product] = [randomUUID(), await inventory.addProduct(5)];
      for (const step of happened) await (step === 'pay' ? pay(orderId) : request(orderId, product, 5));
      await cancel(orderId);
      assert.equal((await told(orderId)).at(-1), 'inventory.released');
      // Late news of other publishers, which know nothing of the cancellation yet.
      await request(orderId, product, 5);
      await pay(orderId);
      assert.deepEqual(await inventory.stock.find(product), { onHand: 5, reserved: 0 });
      assert.equal(await inventory.statusOf(orderId), 'released');
    }
    assert.deepEqual(await inventory.findBrokenInvariants(), []);
  });

  it('tells one fact under one message id, although the inbox has forgotten that it told it', async () => {
    const [orderId, product] = [randomUUID(), await inventory.addProduct(10)];
    const message = createTestMessage(orderRequested, {
      orderId,
      items: [{ productId: product, quantity: 1 }],
    });
    for (const _time of [1, 2]) {
      await transport.publish([message]);
      await eventually('it has been handled', async () => {
        const forgotten = await inventory.db.query(
          'DELETE FROM inbox WHERE message_id = $1 RETURNING message_id',
          [message.id],
        );
        return forgotten.length === 1;
      });
    }
    const ids = await inventory.db.query<{ message_id: string }>(
      'SELECT message_id FROM outbox WHERE key = $1',
      [orderId],
    );
    assert.equal(ids.length, 2);
    assert.equal(ids[0]?.message_id, ids[1]?.message_id);
    assert.deepEqual(await inventory.stock.find(product), { onHand: 10, reserved: 1 });
  });

  it('answers again when it is asked again, with another id: the first answer may be lost', async () => {
    const [orderId, product] = [randomUUID(), await inventory.addProduct(10)];
    for (const _time of [1, 2]) await request(orderId, product, 3);
    for (const _time of [1, 2]) await cancel(orderId);
    assert.deepEqual(await told(orderId), [
      'inventory.reserved',
      'inventory.reserved',
      'inventory.released',
      'inventory.released',
    ]);
    const ids = await inventory.db.query('SELECT DISTINCT message_id FROM outbox WHERE key = $1', [orderId]);
    assert.equal(ids.length, 4);
    assert.deepEqual(await inventory.stock.find(product), { onHand: 10, reserved: 0 });
  });

  it('holds nothing that it does not tell: both commit together', async () => {
    const [orderId, product] = [randomUUID(), await inventory.addProduct(10)];
    let cuts = 0;
    armCrashPoint('consumer.before-commit:1', () => {
      cuts += 1;
      throw new Error('cut');
    });
    await request(orderId, product, 1);
    assert.equal(cuts, 1);
    assert.deepEqual(await inventory.stock.find(product), { onHand: 10, reserved: 1 });
    assert.deepEqual(await told(orderId), ['inventory.reserved']);
  });

  it('serves many orders of the same products at once, each line held once', async () => {
    const products = [await inventory.addProduct(100), await inventory.addProduct(100)];
    const orders = Array.from({ length: 40 }, () => randomUUID());
    await Promise.all(
      orders.map((orderId, n) => {
        const items = products.map((productId) => ({ productId, quantity: 1 }));
        return hear(orderRequested, { orderId, items: n % 2 === 0 ? items : items.reverse() });
      }),
    );
    for (const product of products)
      assert.deepEqual(await inventory.stock.find(product), { onHand: 100, reserved: 40 });
    for (const orderId of orders) assert.deepEqual(await told(orderId), ['inventory.reserved']);
  });
});
