import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, describe, it } from 'node:test';
import { armCrashPoint } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { createConsumer, createDeadLetters, type MessageType } from '@flotilla/messaging';
import { createMemoryTransport, createTestMessage } from '@flotilla/messaging/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import {
  inventoryCommitted,
  inventoryReleased,
  inventoryReservationFailed,
  inventoryReserved,
  paymentFailed,
  paymentProcessed,
  paymentRefunded,
  shipmentCreated,
  shipmentRefused,
} from '@shop/contracts';
import type { OrderFlow } from './config.ts';
import { startTestOrders, type TestOrders } from './testing.ts';

const ADDRESS = { name: 'A', line1: 'B', city: 'C', postalCode: '1', country: 'AT' };
const BODY = {
  items: [{ productId: 'tea', quantity: 2 }],
  payment: { token: 'tok_secret' },
  shippingAddress: ADDRESS,
};

/** The order service with participants that only say what a test lets them say. */
async function start(flow: OrderFlow = 'choreography', restartedWith: OrderFlow = flow) {
  const orders = await startTestOrders({}, flow);
  const transport = createMemoryTransport();
  const consumer = createConsumer({
    name: 'order',
    db: orders.db,
    transport,
    handlers: orders.startedWith(restartedWith).subscriptions,
    logger: silentLogger,
    metrics: createMetrics(),
    retry: { delaysMs: [1, 1] },
  });
  await consumer.start();
  const publish = async <T>(type: MessageType<T>, data: T) => {
    const message = createTestMessage(type, data);
    await transport.publish([message]);
    return message.id;
  };
  const hear = async <T>(type: MessageType<T>, data: T): Promise<void> => {
    const id = await publish(type, data);
    await eventually(`${type.type} has been handled`, async () => {
      const rows = await orders.db.query('SELECT FROM inbox WHERE message_id = $1', [id]);
      return rows.length === 1;
    });
  };
  const rig = {
    ...orders,
    publish,
    place: (wait = 0) =>
      orders.request('POST', '/orders', {
        headers: { 'idempotency-key': randomUUID(), ...(wait > 0 && { prefer: `wait=${wait}` }) },
        body: BODY,
      }),
    cancel: (orderId: string) => orders.request('POST', `/orders/${orderId}/cancel`),
    read: async (orderId: string) => (await orders.request('GET', `/orders/${orderId}`)).body,
    reserved: (orderId: string) => hear(inventoryReserved, { orderId }),
    paid: (orderId: string) => hear(paymentProcessed, { orderId, paymentId: 'p' }),
    taken: (orderId: string) => hear(inventoryCommitted, { orderId }),
    shipped: (orderId: string) =>
      hear(shipmentCreated, { orderId, shipmentId: 's', trackingNumber: 'CF000000018DE' }),
    soldOut: (orderId: string) => hear(inventoryReservationFailed, { orderId, reason: 'out-of-stock' }),
    declined: (orderId: string) => hear(paymentFailed, { orderId, paymentId: 'p', reason: 'card-declined' }),
    unshippable: (orderId: string) => hear(shipmentRefused, { orderId, reason: 'shipping-unavailable' }),
    released: (orderId: string) => hear(inventoryReleased, { orderId }),
    refunded: (orderId: string) => hear(paymentRefunded, { orderId, outcome: 'refunded' as const }),
    close: async () => {
      await consumer.close();
      await orders.close();
    },
    /** What the order service told about an order, in order. */
    told: async (orderId: string) => {
      const rows = await orders.db.query<{ type: string; data: Readonly<Record<string, unknown>> }>(
        `SELECT type, envelope::jsonb->'data' AS data FROM outbox WHERE key = $1 ORDER BY id`,
        [orderId],
      );
      return rows.map(({ type, data }) => ({ type: type.replace('.v1', ''), data }));
    },
  };
  running.push(rig);
  return rig;
}

const running: { close(): Promise<void> }[] = [];
after(() => Promise.all(running.map((rig) => rig.close())));
afterEach(() => armCrashPoint('', () => undefined));

const idOf = (answer: Awaited<ReturnType<TestOrders['request']>>): string => answer.body.id ?? '';
const history = (order: { readonly history?: readonly { readonly status: string }[] }) =>
  order.history?.map((step) => step.status);

describe('an order that runs by events', () => {
  it('tells each participant what it needs, and calls nobody', async () => {
    const orders = await start();
    const orderId = idOf(await orders.place());
    const items = [{ productId: 'tea', quantity: 2 }];
    const events = await orders.told(orderId);
    assert.deepEqual(
      events.map((event) => event.type),
      ['order.placed', 'order.requested', 'order.payment-authorized'],
    );
    assert.deepEqual(events[1]?.data, { orderId, items });
    assert.deepEqual(events[2]?.data, {
      orderId,
      customerId: 'alice',
      amount: { amountMinor: 1_000, currency: 'EUR' },
      payment: { token: 'tok_secret' },
    });
    for (const news of [orders.reserved, orders.paid, orders.taken]) await news(orderId);
    const granted = (await orders.told(orderId)).at(-1);
    assert.deepEqual(granted, { type: 'order.shipping-granted', data: { orderId, items, address: ADDRESS } });
    assert.deepEqual(orders.asked, ['lookUpProducts']);
  });

  it('tells the means of payment to payment and the address to shipping, and to nobody else', async () => {
    const orders = await start();
    const orderId = idOf(await orders.place());
    for (const news of [orders.reserved, orders.paid, orders.taken, orders.shipped]) await news(orderId);
    for (const { type, data } of await orders.told(orderId)) {
      const text = JSON.stringify(data);
      assert.equal(text.includes('tok_secret'), type === 'order.payment-authorized', type);
      assert.equal(text.includes('postalCode'), type === 'order.shipping-granted', type);
    }
    const kept = await orders.db.query<{ data: unknown }>('SELECT data FROM order_process');
    assert.deepEqual(kept, [{ data: null }]);
  });

  it('is confirmed by the shipment, in one transaction with the event, and wakes who waits', async () => {
    const orders = await start();
    const answer = orders.place(20);
    const [row] = await eventually('placed', async () => {
      const rows = await orders.db.query<{ id: string }>('SELECT id FROM order_view');
      return rows.length === 1 && rows;
    });
    const orderId = row?.id ?? '';
    for (const news of [orders.reserved, orders.paid, orders.taken, orders.shipped]) await news(orderId);
    assert.equal((await answer).status, 201);
    assert.deepEqual(history((await answer).body), [
      'Pending',
      'InventoryReserved',
      'PaymentProcessed',
      'Confirmed',
    ]);
    assert.equal((await orders.told(orderId)).at(-1)?.type, 'order.confirmed');
  });

  it('shows the same history in whatever order its participants are heard', async () => {
    const orders = await start();
    for (const news of [
      [orders.paid, orders.reserved, orders.taken],
      [orders.reserved, orders.taken, orders.paid],
    ]) {
      const orderId = idOf(await orders.place());
      for (const tell of [...news, orders.shipped]) await tell(orderId);
      assert.deepEqual(history(await orders.read(orderId)), [
        'Pending',
        'InventoryReserved',
        'PaymentProcessed',
        'Confirmed',
      ]);
    }
  });

  it('is cancelled for the reason of whoever refuses, when everything has been given back', async () => {
    const orders = await start();
    const refusals = [
      [[orders.soldOut], 'out-of-stock'],
      [[orders.reserved, orders.declined], 'payment-declined'],
      [[orders.reserved, orders.paid, orders.soldOut], 'out-of-stock'],
      [[orders.reserved, orders.paid, orders.taken, orders.unshippable], 'shipping-unavailable'],
    ] as const;
    for (const [news, reason] of refusals) {
      const orderId = idOf(await orders.place());
      for (const tell of news) await tell(orderId);
      assert.deepEqual((await orders.told(orderId)).at(-1), {
        type: 'order.cancellation-requested',
        data: { orderId, reason },
      });
      await orders.released(orderId);
      assert.notEqual((await orders.read(orderId)).status, 'Cancelled');
      await orders.refunded(orderId);
      const order = await orders.read(orderId);
      assert.deepEqual([order.status, order.cancellationReason], ['Cancelled', reason]);
      const last = (await orders.told(orderId)).at(-1);
      assert.deepEqual([last?.type, last?.data['reason']], ['order.cancelled', reason]);
    }
  });

  it('is cancelled by its customer until shipping is granted, and not afterwards', async () => {
    const orders = await start();
    const early = idOf(await orders.place());
    const cancelled = orders.cancel(early);
    await eventually(
      'everybody is told',
      async () => (await orders.told(early)).at(-1)?.type === 'order.cancellation-requested',
    );
    await orders.refunded(early);
    await orders.released(early);
    assert.equal((await cancelled).status, 200);
    assert.equal((await cancelled).body.cancellationReason, 'cancelled-by-customer');
    assert.equal((await orders.cancel(early)).status, 200);

    const late = idOf(await orders.place());
    for (const news of [orders.reserved, orders.paid, orders.taken]) await news(late);
    assert.deepEqual(
      [(await orders.cancel(late)).status, (await orders.cancel(late)).body.code],
      [409, 'too-late'],
    );
    await orders.shipped(late);
    assert.equal((await orders.cancel(late)).body.code, 'too-late');
    assert.equal((await orders.read(late)).status, 'Confirmed');
  });

  it('is either cancelled or shipped when both come at the same moment', async () => {
    const orders = await start();
    for (let round = 0; round < 10; round += 1) {
      const orderId = idOf(await orders.place());
      await orders.reserved(orderId);
      await orders.paid(orderId);
      const cancelled = orders.cancel(orderId);
      await orders.taken(orderId);
      const types = async () => (await orders.told(orderId)).map((event) => event.type);
      await eventually('it has been decided', async () => (await types()).length > 3);
      await orders.released(orderId);
      await orders.refunded(orderId);
      const granted = (await types()).includes('order.shipping-granted');
      assert.equal((await cancelled).status, granted ? 409 : 200);
      assert.equal((await types()).includes('order.cancellation-requested'), !granted);
    }
  });

  it('is cancelled when its time is over, unless shipping has been granted', async () => {
    const orders = await start();
    const [waiting, granted] = [idOf(await orders.place()), idOf(await orders.place())];
    for (const news of [orders.reserved, orders.paid, orders.taken]) await news(granted);
    await orders.app.cancelOverdue();
    assert.equal((await orders.told(waiting)).length, 3);
    await orders.db.query(`UPDATE order_process SET deadline_at = now() - interval '1 second'`);
    await orders.app.cancelOverdue();
    await orders.released(waiting);
    await orders.refunded(waiting);
    const order = await orders.read(waiting);
    assert.deepEqual([order.status, order.cancellationReason], ['Cancelled', 'order-expired']);
    assert.equal((await orders.told(granted)).at(-1)?.type, 'order.shipping-granted');
  });

  it('is cancelled or asked about although another order cannot be', async () => {
    const orders = await start();
    const [bad, good] = [idOf(await orders.place()), idOf(await orders.place())];
    const ruin = (sql: string) =>
      orders.db.query(`UPDATE order_process SET ${sql} WHERE order_id = $1`, [bad]);
    await ruin(`data = '{}', deadline_at = deadline_at - interval '1 second'`);
    await orders.db.query(
      `UPDATE order_process SET ask_at = ask_at - interval '1 hour', updated_at = updated_at - interval '1 hour'`,
    );
    const before = (await orders.told(good)).length;
    await assert.rejects(orders.app.askStandingStill(), (error: Error) => error.message.includes(bad));
    assert.equal((await orders.told(good))[before]?.type, 'order.requested');

    await orders.db.query(`UPDATE order_process SET deadline_at = deadline_at - interval '1 hour'`);
    await assert.rejects(orders.app.cancelOverdue(), (error: Error) => error.message.includes(bad));
    assert.equal((await orders.told(good)).at(-1)?.type, 'order.cancellation-requested');
  });

  it('asks again for what an order waits for that stands still, less often the longer it does', async () => {
    const orders = await start();
    const types = async (orderId: string) => (await orders.told(orderId)).map((event) => event.type);
    const silentFor = (seconds: number) =>
      orders.db.query(
        `UPDATE order_process SET ask_at = clock_timestamp(), updated_at = clock_timestamp() - $1 * interval '1 second'`,
        [seconds],
      );
    const stages = [
      [[], 'order.requested'],
      [[orders.reserved], 'order.requested'],
      [[orders.reserved, orders.paid, orders.taken], 'order.shipping-granted'],
      [[orders.reserved, orders.paid, orders.soldOut], 'order.cancellation-requested'],
      [[orders.reserved, orders.paid, orders.soldOut, orders.released], 'order.cancellation-requested'],
    ] as const;
    for (const [news, question] of stages) {
      const orderId = idOf(await orders.place());
      for (const tell of news) await tell(orderId);
      const before = await orders.told(orderId);
      const asked = before.filter((event) => event.type === question);
      await silentFor(10);
      await orders.app.askStandingStill();
      assert.deepEqual(await orders.told(orderId), before, 'it has been heard of a moment ago');

      await silentFor(100);
      await orders.app.askStandingStill();
      assert.deepEqual((await orders.told(orderId)).slice(before.length), asked);
      await orders.app.askStandingStill();
      assert.equal((await types(orderId)).length, before.length + 1, 'it has been asked a moment ago');
      await orders.db.query('DELETE FROM order_process');
    }
  });

  it('is not asked about when it has ended, or when its deadline will turn it around', async () => {
    const orders = await start();
    const [ended, paid] = [idOf(await orders.place()), idOf(await orders.place())];
    for (const news of [orders.soldOut, orders.released, orders.refunded]) await news(ended);
    for (const news of [orders.reserved, orders.paid]) await news(paid);
    const before = [await orders.told(ended), await orders.told(paid)];
    await orders.db.query(
      `UPDATE order_process SET ask_at = clock_timestamp(), updated_at = clock_timestamp() - interval '1 hour'`,
    );
    await orders.app.askStandingStill();
    assert.deepEqual([await orders.told(ended), await orders.told(paid)], before);
  });

  it('takes no notice of news that come after its end', async () => {
    const orders = await start();
    const orderId = idOf(await orders.place());
    await orders.soldOut(orderId);
    await orders.released(orderId);
    await orders.refunded(orderId);
    const before = await orders.told(orderId);
    for (const news of [orders.reserved, orders.paid, orders.taken, orders.shipped, orders.declined])
      await news(orderId);
    assert.deepEqual(await orders.told(orderId), before);
    assert.equal((await orders.read(orderId)).status, 'Cancelled');
  });

  it('moves on with its message or not at all', async () => {
    const orders = await start();
    const orderId = idOf(await orders.place());
    let cuts = 0;
    armCrashPoint('consumer.before-commit', () => {
      cuts += 1;
      throw new Error('cut');
    });
    await orders.reserved(orderId);
    assert.equal(cuts, 1);
    assert.deepEqual(history(await orders.read(orderId)), ['Pending', 'InventoryReserved']);
  });

  it('gives up news of an order that does not exist, with the reason', async () => {
    const orders = await start();
    const orderId = randomUUID();
    await orders.publish(inventoryReserved, { orderId });
    const letter = await eventually('given up', async () => {
      const { letters } = await createDeadLetters(orders.db).list({ key: orderId });
      return letters[0];
    });
    assert.match(letter.error ?? '', /ORDER_FLOW_MISMATCH/);
  });

  it('keeps the flow it was placed with when the service is started with the other', async () => {
    const byEvents = await start('choreography', 'orchestration');
    const orderId = idOf(await byEvents.place());
    for (const news of [byEvents.reserved, byEvents.paid, byEvents.taken, byEvents.shipped])
      await news(orderId);
    assert.equal((await byEvents.read(orderId)).status, 'Confirmed');
    assert.deepEqual(await byEvents.db.query('SELECT FROM saga_instance'), []);

    const led = await start('orchestration');
    await led.app.sagas.close();
    const ledId = idOf(await led.place());
    const restarted = led.startedWith('choreography');
    restarted.sagas.run();
    await eventually('confirmed', async () => (await led.read(ledId)).status === 'Confirmed');
    await restarted.sagas.close();
    assert.deepEqual(await led.db.query('SELECT FROM order_process'), []);
  });
});
