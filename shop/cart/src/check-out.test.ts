import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { created, problem } from '@flotilla/http';
import { uuidv7 } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { orderCancelled, orderConfirmed } from '@shop/contracts';
import { type CartRig, type Customer, checkoutBody, endedOrder, orderOf, startCart } from './testing.ts';

describe('checking out', () => {
  let rig: CartRig;
  let customer: Customer;
  let customerId: string;
  let original: CartRig['script']['answer'];
  let serial = 0;
  before(async () => {
    rig = await startCart();
    original = rig.script.answer;
  });
  after(() => rig.close());
  beforeEach(async () => {
    serial += 1;
    customerId = `customer-${serial}`;
    customer = await rig.customer(customerId);
    rig.script.answer = original;
    rig.received.length = 0;
  });

  const put = (productId: string, quantity: number) =>
    customer('PUT', `/cart/items/${productId}`, { quantity });
  const checkOut = (key: string, body: object = checkoutBody, headers = {}) =>
    customer('POST', '/cart/checkout', body, { 'idempotency-key': key, ...headers });
  const items = async () => (await customer('GET', '/cart')).body['items'];
  const holds = (expected: Readonly<Record<string, number>>) =>
    eventually(`the cart holds ${JSON.stringify(expected)}`, async () => {
      const wanted = Object.entries(expected).map(([productId, quantity]) => ({ productId, quantity }));
      assert.deepEqual(await items(), wanted);
      return true;
    });
  const confirmed = (key: string, bought: Readonly<Record<string, number>>, id?: string) =>
    rig.publish(
      orderConfirmed,
      {
        ...endedOrder(customerId, key, bought),
        shipmentId: 'shipment-1',
        confirmedAt: '2026-01-01T00:00:00Z',
      },
      id,
    );
  const cancelled = (key: string, bought: Readonly<Record<string, number>>) =>
    rig.publish(orderCancelled, {
      ...endedOrder(customerId, key, bought),
      reason: 'payment-declined',
      cancelledAt: '2026-01-01T00:00:00Z',
    });

  it('orders the items for the customer, and passes the answer on', async () => {
    await put('sku-1', 2);
    const { status, headers, body } = await checkOut('key-1');
    assert.equal(status, 202);
    assert.equal(headers['location'], '/orders/order-1');
    assert.deepEqual(body, orderOf('order-1'));
    assert.deepEqual(rig.received, [
      {
        customerId,
        key: 'key-1',
        prefer: undefined,
        body: { items: [{ productId: 'sku-1', quantity: 2 }], ...checkoutBody },
      },
    ]);
  });

  it('passes the wish to wait on, and the order that was waited for', async () => {
    rig.script.answer = async () => created({ ...orderOf('order-2'), status: 'Confirmed' });
    await put('sku-1', 1);
    const { status, body } = await checkOut('key-1', checkoutBody, { prefer: 'wait=10' });
    assert.equal(status, 201);
    assert.equal(body['status'], 'Confirmed');
    assert.equal(rig.received[0]?.prefer, 'wait=10');
  });

  it('passes refusals on with all they say', async () => {
    rig.script.answer = async () => problem(422, 'payment-declined', 'Declined.', { orderId: 'order-3' });
    await put('sku-1', 1);
    const { status, headers, body } = await checkOut('key-1');
    assert.equal(status, 422);
    assert.match(String(headers['content-type']), /^application\/problem\+json/);
    const { traceId: _traceId, ...rest } = body;
    assert.deepEqual(rest, {
      type: 'about:blank',
      title: 'Unprocessable Entity',
      status: 422,
      code: 'payment-declined',
      detail: 'Declined.',
      orderId: 'order-3',
    });
  });

  it('needs a key, and a cart with something in it', async () => {
    await put('sku-1', 1);
    const missing = await customer('POST', '/cart/checkout', checkoutBody);
    assert.equal(missing.status, 400);
    assert.equal(missing.body['code'], 'idempotency-key-required');
    assert.equal((await checkOut('x'.repeat(256))).body['code'], 'idempotency-key-invalid');
    await customer('DELETE', '/cart');
    const empty = await checkOut('key-1');
    assert.equal(empty.status, 422);
    assert.equal(empty.body['code'], 'cart-empty');
    assert.deepEqual(rig.received, []);
  });

  it('is for customers who may order', async () => {
    const reader = await rig.customer(customerId, { permissions: ['orders.read'] });
    const refused = await reader('POST', '/cart/checkout', checkoutBody, { 'idempotency-key': 'key-1' });
    assert.equal(refused.status, 403);
  });

  it('orders the same again for the same key, whatever is in the cart by then', async () => {
    await put('sku-1', 2);
    await checkOut('key-1');
    await put('sku-2', 9);
    await checkOut('key-1');
    await customer('DELETE', '/cart');
    assert.equal((await checkOut('key-1')).status, 202);
    assert.equal(rig.received.length, 3);
    assert.deepEqual(rig.received[1], rig.received[0]);
    assert.deepEqual(rig.received[2], rig.received[0]);
  });

  it('orders one and the same for a key that is sent several times at once', async () => {
    await put('sku-1', 2);
    await Promise.all([1, 2, 3, 4].map(() => checkOut('key-1')));
    const bodies = new Set(rig.received.map((order) => JSON.stringify(order.body)));
    assert.equal(bodies.size, 1);
  });

  it('keeps the keys of customers apart', async () => {
    await put('sku-1', 2);
    await checkOut('key-1');
    const other = await rig.customer('somebody-else');
    await other('PUT', '/cart/items/sku-5', { quantity: 1 });
    await other('POST', '/cart/checkout', checkoutBody, { 'idempotency-key': 'key-1' });
    assert.deepEqual(rig.received[1]?.body.items, [{ productId: 'sku-5', quantity: 1 }]);
  });

  it('lets the order service refuse a key that is used for something else', async () => {
    await put('sku-1', 2);
    await checkOut('key-1');
    rig.script.answer = async () => problem(422, 'idempotency-key-reused');
    const { status, body } = await checkOut('key-1', { ...checkoutBody, payment: { token: 'tok_other' } });
    assert.equal(status, 422);
    assert.equal(body['code'], 'idempotency-key-reused');
    rig.script.answer = original;
    await customer('DELETE', '/cart');
    assert.equal((await checkOut('key-1')).status, 202);
  });

  it('takes the mended cart for a key under which nothing was ordered', async () => {
    rig.script.answer = async () => problem(422, 'unknown-product', 'Gone.', { productIds: ['sku-1'] });
    await put('sku-1', 2);
    assert.equal((await checkOut('key-1')).status, 422);
    rig.script.answer = original;
    await put('sku-1', 0);
    await put('sku-2', 1);
    assert.equal((await checkOut('key-1')).status, 202);
    assert.deepEqual(rig.received[1]?.body.items, [{ productId: 'sku-2', quantity: 1 }]);
  });

  it('empties the cart when the order is confirmed', async () => {
    await put('sku-1', 2);
    await checkOut('key-1');
    assert.deepEqual(await items(), [{ productId: 'sku-1', quantity: 2 }]);
    await confirmed('key-1', { 'sku-1': 2 });
    await holds({});
    assert.equal((await checkOut('key-1')).status, 202);
  });

  it('takes out what was bought, not what was added meanwhile', async () => {
    await put('sku-1', 2);
    await put('sku-2', 1);
    await checkOut('key-1');
    await put('sku-1', 5);
    await put('sku-3', 1);
    await confirmed('key-1', { 'sku-1': 2, 'sku-2': 1 });
    await holds({ 'sku-1': 3, 'sku-3': 1 });
  });

  it('takes out what was bought once, however often that is reported', async () => {
    await put('sku-1', 2);
    await checkOut('key-1');
    const id = uuidv7();
    await confirmed('key-1', { 'sku-1': 2 }, id);
    await holds({});
    await put('sku-1', 2);
    await confirmed('key-1', { 'sku-1': 2 }, id);
    const otherId = await confirmed('key-1', { 'sku-1': 2 });
    await eventually('all have been handled', async () => {
      const rows = await rig.db.query('SELECT 1 FROM inbox WHERE message_id = $1', [otherId]);
      return rows.length === 1;
    });
    assert.deepEqual(await items(), [{ productId: 'sku-1', quantity: 2 }]);
  });

  it('empties the cart also when the order is confirmed before it is answered', async () => {
    rig.script.answer = async (order) => {
      await confirmed('key-1', { 'sku-1': 2 });
      await holds({});
      return await original(order);
    };
    await put('sku-1', 2);
    assert.equal((await checkOut('key-1')).status, 202);
    assert.deepEqual(await items(), []);
  });

  it('keeps the cart when the order is cancelled', async () => {
    await put('sku-1', 2);
    await checkOut('key-1');
    await cancelled('key-1', { 'sku-1': 2 });
    await eventually('the checkout has ended', async () => {
      const rows = await rig.db.query('SELECT state FROM checkout WHERE customer_id = $1', [customerId]);
      return rows[0]?.['state'] === 'cancelled';
    });
    assert.deepEqual(await items(), [{ productId: 'sku-1', quantity: 2 }]);
  });

  it('is forgotten when it is old, and then takes what is in the cart', async () => {
    await put('sku-1', 2);
    await checkOut('key-1');
    await rig.checkouts.forget(14);
    await put('sku-2', 1);
    await checkOut('key-1');
    assert.deepEqual(rig.received[1]?.body, rig.received[0]?.body);
    await rig.db.query("UPDATE checkout SET created_at = created_at - interval '15 days'");
    await rig.checkouts.forget(14);
    await checkOut('key-1');
    assert.equal(rig.received[2]?.body.items.length, 2);
  });

  it('leaves the cart alone when an order was placed without it', async () => {
    await put('sku-1', 2);
    await put('sku-2', 1);
    await confirmed('placed-directly', { 'sku-1': 2 });
    await checkOut('key-1');
    await confirmed('key-1', { 'sku-2': 1 });
    await holds({ 'sku-1': 2 });
  });
});

describe('checking out while the order service is away', () => {
  let rig: CartRig;
  before(async () => {
    rig = await startCart();
  });
  after(() => rig.close());

  it('answers that it is, and can be repeated', async () => {
    const customer = await rig.customer('customer');
    await customer('PUT', '/cart/items/sku-1', { quantity: 2 });
    await rig.order.close();
    const { status, body } = await customer('POST', '/cart/checkout', checkoutBody, {
      'idempotency-key': 'k',
    });
    assert.equal(status, 503);
    assert.equal(body['code'], 'temporarily-unavailable');
    const [checkout] = await rig.db.query('SELECT state, items FROM checkout');
    assert.deepEqual(checkout, { state: 'open', items: [{ productId: 'sku-1', quantity: 2 }] });
  });
});
