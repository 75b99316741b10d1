import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { accepted, created, problem } from '@flotilla/http';
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

describe('one open checkout of a cart', () => {
  let rig: CartRig;
  let customer: Customer;
  let serial = 0;
  before(async () => {
    rig = await startCart();
  });
  after(() => rig.close());
  beforeEach(async () => {
    serial += 1;
    customer = await rig.customer(`one-${serial}`);
    rig.received.length = 0;
    rig.orders.clear();
    rig.script.answer = async () => accepted(orderOf('order-1'), { location: '/orders/order-1' });
    await customer('PUT', '/cart/items/sku-1', { quantity: 2 });
  });

  const checkOut = (key: string, body: object = checkoutBody) =>
    customer('POST', '/cart/checkout', body, { 'idempotency-key': key });
  const items = async () => (await customer('GET', '/cart')).body['items'];
  const outcome = async (key: string, body?: object) => {
    const answer = await checkOut(key, body);
    return [answer.status, answer.body['code'] ?? answer.body['status']];
  };

  it('is over with the answer "confirmed": the cart is empty before the news of it come', async () => {
    rig.script.answer = async () => created(orderOf('order-1', 'Confirmed', { 'sku-1': 2 }));
    assert.deepEqual(await outcome('key-1'), [201, 'Confirmed']);
    assert.deepEqual(await items(), []);
    assert.deepEqual(await outcome('key-2'), [422, 'cart-empty']);
    assert.deepEqual(await outcome('key-1'), [201, 'Confirmed']);
    assert.deepEqual(
      rig.received.map(({ key }) => key),
      ['key-1', 'key-1'],
    );
  });

  it('keeps what was put in while it was confirmed, and takes out once what the news tell again', async () => {
    rig.script.answer = async () => {
      await customer('PUT', '/cart/items/sku-2', { quantity: 1 });
      return created(orderOf('order-1', 'Confirmed', { 'sku-1': 2 }));
    };
    await checkOut('key-1');
    assert.deepEqual(await items(), [{ productId: 'sku-2', quantity: 1 }]);
    await customer('PUT', '/cart/items/sku-1', { quantity: 2 });
    const confirmed = {
      ...endedOrder(`one-${serial}`, 'key-1', { 'sku-1': 2 }),
      ...{ shipmentId: 's', confirmedAt: '2026-01-01T00:00:00Z' },
    };
    const id = await rig.publish(orderConfirmed, confirmed);
    await eventually('it has been handled', async () => {
      const rows = await rig.db.query('SELECT 1 FROM inbox WHERE message_id = $1', [id]);
      return rows.length === 1;
    });
    assert.equal(((await items()) as unknown[]).length, 2);
  });

  it('refuses a second key while the first is being answered', async () => {
    let answer = (): void => undefined;
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    rig.script.answer = async () => {
      await answered;
      return created(orderOf('order-1', 'Confirmed', { 'sku-1': 2 }));
    };
    const first = checkOut('key-1');
    await eventually('it is being answered', () => rig.received.length === 1);
    const second = await checkOut('key-2');
    assert.deepEqual([second.status, second.body['code']], [409, 'checkout-in-progress']);
    assert.equal(second.headers['retry-after'], '1');
    answer();
    assert.equal((await first).status, 201);
    assert.equal(rig.received.length, 1);
  });

  it('is one order for keys that come at the same moment', async () => {
    rig.script.answer = async () => created(orderOf('order-1', 'Confirmed', { 'sku-1': 2 }));
    const outcomes = await Promise.all(['a', 'b', 'c', 'd'].map((key) => outcome(key)));
    assert.equal(outcomes.filter(([status]) => status === 201).length, 1);
    for (const [status, code] of outcomes)
      assert.match(`${status} ${code}`, /^(201 Confirmed|409 checkout-in-progress|422 cart-empty)$/);
    assert.equal(new Set(rig.received.map(({ key }) => key)).size, 1);
  });

  it('asks how an accepted order stands, and does what follows', async () => {
    await checkOut('key-1');
    rig.orders.set('order-1', orderOf('order-1', 'PaymentProcessed', { 'sku-1': 2 }));
    const refused = await checkOut('key-2');
    assert.deepEqual(
      [refused.status, refused.body['code'], refused.body['orderId'], refused.headers['location']],
      [409, 'checkout-in-progress', 'order-1', '/orders/order-1'],
    );
    rig.orders.set('order-1', orderOf('order-1', 'Confirmed', { 'sku-1': 2 }));
    assert.deepEqual(await outcome('key-2'), [422, 'cart-empty']);
    assert.equal(rig.received.length, 1);

    await customer('PUT', '/cart/items/sku-1', { quantity: 1 });
    rig.script.answer = async () => accepted(orderOf('order-2'));
    await checkOut('key-3');
    rig.orders.set('order-2', orderOf('order-2', 'Cancelled', { 'sku-1': 1 }));
    rig.script.answer = async () => accepted(orderOf('order-3'));
    assert.deepEqual(await outcome('key-4'), [202, 'Pending']);
    assert.deepEqual(
      rig.received.map(({ key }) => key),
      ['key-1', 'key-3', 'key-4'],
    );
  });

  it('is not ended on the word of nobody: a token that may not read orders waits for the news', async () => {
    await checkOut('key-1');
    rig.orders.set('order-1', orderOf('order-1', 'Confirmed', { 'sku-1': 2 }));
    customer = await rig.customer(`one-${serial}`, { scope: '' });
    assert.deepEqual(await outcome('key-2'), [409, 'checkout-in-progress']);
  });

  it('is over when the order is answered as cancelled: the next key orders anew, at once', async () => {
    rig.script.answer = async () => problem(422, 'payment-declined', 'Declined.', { orderId: 'order-1' });
    assert.deepEqual(await outcome('key-1'), [422, 'payment-declined']);
    assert.equal(((await items()) as unknown[]).length, 1);
    rig.script.answer = async () => accepted(orderOf('order-2'));
    assert.deepEqual(await outcome('key-2'), [202, 'Pending']);
  });

  it('is none when the total is not what the customer agreed to: the same key may agree to the new one', async () => {
    const total = { amountMinor: 200, currency: 'EUR' };
    rig.script.answer = async () => problem(409, 'total-changed', 'Changed.', { total });
    const expecting = (amountMinor: number) => ({
      ...checkoutBody,
      expectedTotal: { amountMinor, currency: 'EUR' },
    });
    const refused = await checkOut('key-1', expecting(100));
    assert.deepEqual(
      [refused.status, refused.body['code'], refused.body['total']],
      [409, 'total-changed', total],
    );
    rig.script.answer = async () => accepted(orderOf('order-1'));
    assert.deepEqual(await outcome('key-1', expecting(200)), [202, 'Pending']);
    assert.deepEqual(rig.received.at(-1)?.body.expectedTotal, total);
  });

  it('is taken over under its own key when nobody knows what came of it', async () => {
    rig.script.answer = async () => problem(503, 'temporarily-unavailable');
    assert.equal((await checkOut('key-1')).status, 503);
    await customer('PUT', '/cart/items/sku-2', { quantity: 1 });
    rig.script.answer = async () => accepted(orderOf('order-1'));
    assert.deepEqual(await outcome('key-2'), [202, 'Pending']);
    const last = rig.received.at(-1);
    assert.deepEqual([last?.key, last?.body.items.length], ['key-1', 2]);
    assert.deepEqual(await outcome('key-2'), [202, 'Pending']);
    assert.equal(rig.received.at(-1)?.key, 'key-1');
    assert.deepEqual(await outcome('key-1'), [202, 'Pending']);
    assert.deepEqual(rig.received.at(-1)?.body.items, [{ productId: 'sku-1', quantity: 2 }]);
  });

  it('stands when it turns out to have become an order with other details than those of the next key', async () => {
    rig.script.answer = async () => problem(503, 'temporarily-unavailable');
    await checkOut('key-1');
    rig.script.answer = async ({ key }) =>
      key === 'key-1'
        ? problem(422, 'idempotency-key-reused', 'Used.', { orderId: 'order-1' })
        : accepted(orderOf('order-2'));
    rig.orders.set('order-1', orderOf('order-1', 'PaymentProcessed', { 'sku-1': 2 }));
    const other = { ...checkoutBody, payment: { token: 'tok_other' } };
    assert.deepEqual(await outcome('key-2', other), [409, 'checkout-in-progress']);
    rig.orders.set('order-1', orderOf('order-1', 'Confirmed', { 'sku-1': 2 }));
    assert.deepEqual(await outcome('key-2', other), [422, 'cart-empty']);
    await customer('PUT', '/cart/items/sku-3', { quantity: 1 });
    assert.deepEqual(await outcome('key-2', other), [202, 'Pending']);
    assert.equal(rig.received.at(-1)?.key, 'key-2');
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
