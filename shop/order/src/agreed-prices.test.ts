import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { reject } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { createConsumer, type MessageType } from '@flotilla/messaging';
import { createMemoryTransport, createTestMessage } from '@flotilla/messaging/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import {
  couponRedeemed,
  couponRefused,
  couponReleased,
  inventoryCommitted,
  inventoryReleased,
  inventoryReserved,
  paymentProcessed,
  paymentRefunded,
  shipmentCreated,
} from '@shop/contracts';
import type { AgreementRejection, AskedPrice, CouponUse, Participants } from './participants.ts';
import { halfPrice, startTestOrders, type TestOrders } from './testing.ts';

const BODY = {
  items: [
    { productId: 'tea', quantity: 1 },
    { productId: 'tea', quantity: 1 },
  ],
  payment: { token: 'tok_ok' },
  shippingAddress: { name: 'A', line1: 'B', city: 'C', postalCode: '1', country: 'AT' },
};
const QUOTE = '01935f3e-7c1a-7c3e-9d58-0d3c2f4b5a61';
const eur = (amountMinor: number) => ({ amountMinor, currency: 'EUR' });

function place(orders: TestOrders, more: object, { wait = 10, key = randomUUID() } = {}) {
  const headers = { 'idempotency-key': key, ...(wait > 0 && { prefer: `wait=${wait}` }) };
  return orders.request('POST', '/orders', { headers, body: { ...BODY, ...more } });
}

describe('an order on a quote', () => {
  let orders: TestOrders;
  let redeem: Participants['redeemCoupon'];
  let agree: Participants['agreeOnPrice'] | undefined;
  const asked: AskedPrice[] = [];
  const charged: object[] = [];

  before(async () => {
    orders = await startTestOrders({
      agreeOnPrice: async (price, signal) => {
        asked.push(price);
        return await (agree ?? halfPrice)(price, signal);
      },
      redeemCoupon: (...given) => redeem(...given),
      charge: async (orderId, { amount }) => {
        charged.push(amount);
        return { ok: true, result: { paymentId: `payment-${orderId}` } };
      },
    });
  });
  after(() => orders.close());

  it('costs what the quote says, and shows why', async () => {
    const { status, body } = await place(orders, { quoteId: QUOTE });
    assert.equal(status, 201);
    assert.deepEqual(asked.at(-1), {
      ...{ customerId: 'alice', country: 'AT', quoteId: QUOTE },
      items: [{ productId: 'tea', quantity: 2 }],
    });
    assert.deepEqual(
      [body.total, body.discounts],
      [eur(500), [{ code: 'half', name: 'Half', amount: eur(500) }]],
    );
    assert.deepEqual(charged.at(-1), eur(500));
    assert.deepEqual((await orders.request('GET', `/orders/${body.id}`)).body, body);
  });

  it('with a coupon uses it, before anything is charged', async () => {
    const used: CouponUse[] = [];
    redeem = async (_orderId, use) => {
      used.push(use);
      return { ok: true, result: null };
    };
    const from = orders.asked.length;
    const { status, body } = await place(orders, { coupon: 'HALF' });
    assert.deepEqual([status, body.coupon], [201, 'HALF']);
    assert.deepEqual(used, [{ customerId: 'alice', code: 'HALF', discount: eur(500) }]);
    const steps = ['agreeOnPrice', 'reserveStock', 'redeemCoupon', 'charge', 'commitStock', 'ship'];
    assert.deepEqual(orders.asked.slice(from), steps);
  });

  it('is cancelled when its coupon is gone by then, and gives it back whatever became of it', async () => {
    redeem = async () => ({ ok: false, reason: { code: 'coupon-used' } });
    const from = orders.asked.length;
    const { status, body } = await place(orders, { coupon: 'HALF' });
    assert.deepEqual([status, body.code], [422, 'coupon-used']);
    assert.deepEqual(orders.asked.slice(from), [
      'agreeOnPrice',
      'reserveStock',
      'redeemCoupon',
      'releaseStock',
    ]);
  });

  it('is refused with the reason, nothing is placed and the key stays free', async () => {
    const key = randomUUID();
    const code = async (rejection: AgreementRejection) => {
      agree = async () => reject(rejection);
      const { status, body } = await place(orders, { quoteId: QUOTE }, { key });
      return [status, body.code];
    };
    assert.deepEqual(await code({ code: 'quote-expired' }), [409, 'quote-expired']);
    assert.deepEqual(await code({ code: 'quote-unknown' }), [422, 'quote-unknown']);
    assert.deepEqual(await code({ code: 'coupon-used' }), [422, 'coupon-used']);
    assert.deepEqual(await code({ code: 'unknown-product', productIds: ['tea'] }), [422, 'unknown-product']);
    agree = undefined;
    assert.equal((await place(orders, { quoteId: QUOTE }, { key })).status, 201);
  });

  it('still costs no more than the customer expects', async () => {
    const { status, body } = await place(orders, { quoteId: QUOTE, expectedTotal: eur(499) });
    assert.deepEqual([status, body.code, body.total], [409, 'total-changed', eur(500)]);
  });

  it('is another order than the same without it', async () => {
    const key = randomUUID();
    await place(orders, { quoteId: QUOTE }, { key });
    assert.equal((await place(orders, {}, { key })).body.code, 'idempotency-key-reused');
  });
});

describe('an order by events with a coupon', () => {
  let orders: TestOrders;
  const transport = createMemoryTransport();
  const closing: { close(): Promise<void> }[] = [];

  before(async () => {
    orders = await startTestOrders({}, 'choreography');
    const handlers = orders.app.subscriptions;
    const quiet = { logger: silentLogger, metrics: createMetrics() };
    const consumer = createConsumer({ ...quiet, name: 'order', db: orders.db, transport, handlers });
    await consumer.start();
    closing.push(consumer, orders);
  });
  after(async () => {
    for (const one of closing) await one.close();
  });

  async function hear<T>(type: MessageType<T>, data: T): Promise<void> {
    const message = createTestMessage(type, data);
    await transport.publish([message]);
    await eventually(`${type.type} has been handled`, async () => {
      const rows = await orders.db.query('SELECT FROM inbox WHERE message_id = $1', [message.id]);
      return rows.length === 1;
    });
  }
  const statusOf = async (orderId: string) => (await orders.request('GET', `/orders/${orderId}`)).body.status;
  const told = async (orderId: string, type: string) =>
    await orders.db.query<{ data: object }>(
      `SELECT envelope::jsonb->'data' AS data FROM outbox WHERE key = $1 AND type = $2 ORDER BY id`,
      [orderId, type],
    );
  const begin = async () => (await place(orders, { coupon: 'HALF' }, { wait: 0 })).body.id ?? '';

  it('is shipped once stock, payment and coupon are taken', async () => {
    const orderId = await begin();
    const presented = { orderId, customerId: 'alice', coupon: 'HALF', discount: eur(500) };
    assert.deepEqual(await told(orderId, 'order.coupon-presented.v1'), [{ data: presented }]);
    await hear(inventoryReserved, { orderId });
    await hear(paymentProcessed, { orderId, paymentId: 'p' });
    await hear(inventoryCommitted, { orderId });
    assert.equal((await told(orderId, 'order.shipping-granted.v1')).length, 0);
    await hear(couponRedeemed, { orderId });
    assert.equal((await told(orderId, 'order.shipping-granted.v1')).length, 1);
    await hear(shipmentCreated, { orderId, shipmentId: 's', trackingNumber: 'CF000000018DE' });
    assert.equal(await statusOf(orderId), 'Confirmed');
  });

  it('is cancelled when the coupon is refused, once everything has been given back', async () => {
    const orderId = await begin();
    await hear(inventoryReserved, { orderId });
    await hear(couponRefused, { orderId, reason: 'coupon-used' });
    const request = { orderId, reason: 'coupon-used', coupon: 'HALF' };
    assert.deepEqual(await told(orderId, 'order.cancellation-requested.v1'), [{ data: request }]);
    await hear(inventoryReleased, { orderId });
    await hear(paymentRefunded, { orderId, outcome: 'voided' as const });
    assert.equal(await statusOf(orderId), 'InventoryReserved');
    await hear(couponReleased, { orderId });
    assert.equal(await statusOf(orderId), 'Cancelled');
  });
});
