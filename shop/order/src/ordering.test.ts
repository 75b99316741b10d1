import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { after, describe, it } from 'node:test';
import { PlatformError } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import type { Participants } from './participants.ts';
import { startTestOrders, type TestOrders } from './testing.ts';

const BODY = {
  items: [{ productId: 'tea', quantity: 2 }],
  payment: { token: 'tok_ok' },
  shippingAddress: { name: 'A', line1: 'B', city: 'C', postalCode: '1', country: 'AT' },
};

const running: TestOrders[] = [];
after(() => Promise.all(running.map((orders) => orders.close())));

async function start(participants?: Partial<Participants>): Promise<TestOrders> {
  const orders = await startTestOrders(participants);
  running.push(orders);
  return orders;
}

function place(
  orders: TestOrders,
  options: { key?: string; user?: string; wait?: number; body?: object } = {},
) {
  const { key = randomUUID(), user = 'alice', wait = 10, body = BODY } = options;
  const headers = { 'idempotency-key': key, ...(wait > 0 && { prefer: `wait=${wait}` }) };
  return orders.request('POST', '/orders', { user, headers, body });
}

/** A promise that a test settles itself. */
function gate(): { readonly open: () => void; readonly opened: Promise<void> } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open: () => open(), opened };
}

describe('placing an order', () => {
  it('asks every participant in turn and publishes what happened', async () => {
    const orders = await start();
    const answer = await place(orders);
    assert.equal(answer.status, 201);
    assert.equal(answer.headers['location'], `/orders/${answer.body.id}`);
    assert.deepEqual(answer.body.total, { amountMinor: 1_000, currency: 'EUR' });
    assert.deepEqual(orders.asked, ['lookUpProducts', 'reserveStock', 'charge', 'commitStock', 'ship']);
    const events = await orders.db.query<{ type: string }>('SELECT type FROM outbox ORDER BY id');
    assert.deepEqual(
      events.map((event) => event.type),
      ['order.placed.v1', 'order.confirmed.v1'],
    );
  });

  it('is cancelled with the reason of whoever refuses, and gives back what was taken', async () => {
    const refusals: readonly [Partial<Participants>, string, readonly string[]][] = [
      [{ reserveStock: async () => ({ ok: false, reason: { code: 'out-of-stock' } }) }, 'out-of-stock', []],
      [
        { charge: async () => ({ ok: false, reason: { code: 'payment-declined' } }) },
        'payment-declined',
        ['releaseStock'],
      ],
      [
        { commitStock: async () => ({ ok: false, reason: { code: 'out-of-stock' } }) },
        'out-of-stock',
        ['refund', 'releaseStock'],
      ],
      [
        { ship: async () => ({ ok: false, reason: { code: 'shipping-unavailable' } }) },
        'shipping-unavailable',
        ['refund', 'releaseStock'],
      ],
    ];
    for (const [participants, code, undone] of refusals) {
      const orders = await start(participants);
      const answer = await place(orders);
      assert.equal(answer.status, 422);
      assert.equal(answer.body.code, code);
      assert.deepEqual(
        orders.asked.filter((name) => name === 'refund' || name === 'releaseStock'),
        undone,
      );
      const order = await orders.request('GET', `/orders/${answer.body.orderId}`);
      assert.equal(order.body.status, 'Cancelled');
      assert.equal(order.body.cancellationReason, code);
      const events = await orders.db.query<{ type: string }>('SELECT type FROM outbox ORDER BY id');
      assert.equal(events.at(-1)?.type, 'order.cancelled.v1');
    }
  });

  it('does not show internal fault codes as a reason', async () => {
    const orders = await start({
      charge: () => Promise.reject(new PlatformError('HTTP_UNEXPECTED_STATUS', 'payment answered 418')),
    });
    const answer = await place(orders);
    assert.equal(answer.status, 422);
    assert.equal(answer.body.code, 'processing-failed');
  });

  it('leaves nothing behind when a price cannot be found out', async () => {
    const orders = await start({
      lookUpProducts: () =>
        Promise.reject(new PlatformError('HTTP_UNAVAILABLE', 'away', { retryable: true })),
    });
    const answer = await place(orders);
    assert.equal(answer.status, 503);
    assert.deepEqual(await orders.db.query('SELECT id FROM order_view'), []);
    assert.deepEqual(await orders.db.query('SELECT key FROM idempotency_key'), []);
  });

  it('holds at most 1,000 of a product, all its lines together', async () => {
    const orders = await start();
    const lines = (...quantities: number[]) => ({
      ...BODY,
      items: quantities.map((quantity) => ({ productId: 'tea', quantity })),
    });
    for (const body of [lines(501, 500), lines(1_000, 1)]) {
      const answer = await place(orders, { body });
      assert.deepEqual([answer.status, answer.body.code], [422, 'quantity-limit']);
      assert.deepEqual(
        answer.body.errors?.map(({ path }) => path),
        ['/items/0/quantity', '/items/1/quantity'],
      );
    }
    assert.deepEqual(orders.asked, []);
    assert.equal((await place(orders, { body: lines(500, 500) })).status, 201);
  });

  it('names the lines whose product does not exist', async () => {
    const orders = await start();
    const items = [
      { productId: 'tea', quantity: 1 },
      { productId: 'no-such', quantity: 1 },
    ];
    const answer = await place(orders, { body: { ...BODY, items } });
    assert.equal(answer.status, 422);
    assert.equal(answer.body.code, 'unknown-product');
    assert.deepEqual(
      answer.body.errors?.map((issue) => issue.path),
      ['/items/1/productId'],
    );
  });
});

describe("one customer's slow payments", () => {
  it('hold up nobody else, however many they are', async () => {
    const PLACES = 48; // at the payment service
    const answers = gate();
    const [being, most] = [new Set<string>(), { atOnce: 0 }];
    const orders = await start({
      charge: async (orderId, { customer }, signal) => {
        if (customer.id === 'alice') {
          being.add(orderId);
          most.atOnce = Math.max(most.atOnce, being.size);
          await Promise.race([answers.opened, once(signal, 'abort')]);
          being.delete(orderId);
        }
        return { ok: true, result: { paymentId: `payment-${orderId}` } };
      },
    });
    for (let n = 0; n <= PLACES; n += 1) assert.equal((await place(orders, { wait: 0 })).status, 202);
    await eventually('her share is being charged', () => being.size > PLACES / 2);
    const { id } = (await place(orders, { user: 'bob', wait: 0 })).body;
    const read = () => orders.request('GET', `/orders/${id}`, { user: 'bob' });
    await eventually('he has his order', async () => (await read()).body.status === 'Confirmed');
    assert.ok(most.atOnce < PLACES, `${most.atOnce} of hers were being charged at once`);
    answers.open();
  });
});

describe('the total that a customer agreed to', () => {
  const expecting = (amountMinor: number, currency: string = 'EUR') => ({
    ...BODY,
    expectedTotal: { amountMinor, currency },
  });

  it('is what is charged, or nothing is ordered and the new one is told', async () => {
    const orders = await start();
    const key = randomUUID();
    for (const body of [expecting(999), expecting(1_001), expecting(1_000, 'USD')]) {
      const refused = await place(orders, { key, body });
      assert.deepEqual([refused.status, refused.body.code], [409, 'total-changed']);
      assert.deepEqual(refused.body.total, { amountMinor: 1_000, currency: 'EUR' });
      assert.deepEqual(
        refused.body.items?.map(({ quantity }) => quantity),
        [2],
      );
    }
    assert.deepEqual(await orders.db.query('SELECT key FROM idempotency_key'), []);
    assert.deepEqual(orders.asked.includes('charge'), false);
    const agreed = await place(orders, { key, body: expecting(1_000) });
    assert.equal(agreed.status, 201);
    assert.deepEqual((await place(orders, { key, body: expecting(1_000) })).body, agreed.body);
    assert.equal((await place(orders, { key })).body.code, 'idempotency-key-reused');
  });

  it('is not asked of an order again that was accepted at it', async () => {
    let amountMinor = 500;
    const orders = await start({
      lookUpProducts: async (ids) =>
        ids.map((id) => ({ id, name: id, price: { amountMinor, currency: 'EUR' } })),
    });
    const key = randomUUID();
    const first = await place(orders, { key, body: expecting(1_000) });
    amountMinor = 700;
    assert.deepEqual((await place(orders, { key, body: expecting(1_000) })).body, first.body);
    assert.equal((await place(orders, { body: expecting(1_000) })).body.code, 'total-changed');
  });
});

describe('an idempotency key', () => {
  it('is forgotten when it is old and its order has ended, whether it was answered or not', async () => {
    const stuck = gate();
    const orders = await start({
      charge: async () => {
        await stuck.opened;
        return { ok: true, result: { paymentId: 'p' } };
      },
    });
    await place(orders, { key: 'running', wait: 0 });
    await place(orders, { key: 'cancelled', wait: 0, user: 'bob' });
    // Both stand still from here on: nothing but this test writes their status.
    await eventually('both wait for their charge', async () => {
      const rows = await orders.db.query(`SELECT FROM order_view_row WHERE status = 'InventoryReserved'`);
      return rows.length === 2;
    });
    await orders.db.query(
      `UPDATE order_view_row SET status = 'Cancelled', cancellation_reason = 'x' WHERE customer_id = 'bob'`,
    );
    const forget = async () => {
      await orders.app.forgetOldKeys(30);
      const rows = await orders.db.query<{ key: string }>('SELECT key FROM idempotency_key ORDER BY key');
      return rows.map(({ key }) => key);
    };
    assert.deepEqual(await forget(), ['cancelled', 'running']);
    await orders.db.query(
      `UPDATE idempotency_key SET response = NULL, created_at = now() - interval '31 days'`,
    );
    assert.deepEqual(await forget(), ['running']);
    stuck.open();
  });

  it('gives one order and one answer to twenty twins', async () => {
    const orders = await start();
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 20 }, () => place(orders, { key })));
    const bodies = new Set(answers.map((answer) => JSON.stringify(answer.body)));
    assert.deepEqual(new Set(answers.map((answer) => answer.status)), new Set([201]));
    assert.equal(bodies.size, 1);
    assert.equal((await orders.db.query('SELECT id FROM order_view')).length, 1);
    assert.equal(orders.asked.filter((name) => name === 'charge').length, 1);
  });

  it('repeats the first answer although the order has moved on', async () => {
    const orders = await start();
    const key = randomUUID();
    const first = await place(orders, { key, wait: 0 });
    assert.equal(first.status, 202);
    await eventually(
      'confirmed',
      async () => (await orders.request('GET', `/orders/${first.body.id}`)).body.status === 'Confirmed',
    );
    const second = await place(orders, { key, wait: 5 });
    assert.equal(second.status, 202);
    assert.deepEqual(second.body, first.body);
  });

  it('repeats a refusal down to its trace id', async () => {
    const orders = await start({ charge: async () => ({ ok: false, reason: { code: 'payment-declined' } }) });
    const key = randomUUID();
    const [first, second] = [await place(orders, { key }), await place(orders, { key })];
    assert.equal(second.status, 422);
    assert.deepEqual(second.body, first.body);
  });

  it('answers 409 while the first request is still running, and its answer afterwards', async () => {
    const shipment = gate();
    const orders = await start({
      ship: async () => {
        await shipment.opened;
        return { ok: true, result: { shipmentId: 's' } };
      },
    });
    const key = randomUUID();
    const first = place(orders, { key, wait: 20 });
    await eventually('the order waits for its shipment', () => orders.asked.includes('ship'));
    const twin = await place(orders, { key, wait: 1 });
    assert.equal(twin.status, 409);
    assert.equal(twin.body.code, 'idempotency-in-progress');
    assert.equal(twin.headers['retry-after'], '1');
    shipment.open();
    assert.equal((await first).status, 201);
    assert.deepEqual((await place(orders, { key })).body, (await first).body);
  });

  it('finds the answer when the process died before it gave one', async () => {
    const orders = await start();
    const key = randomUUID();
    const first = await place(orders, { key });
    await orders.db.query('UPDATE idempotency_key SET response = NULL');
    const again = await place(orders, { key, wait: 0 });
    assert.equal(again.status, 201);
    assert.deepEqual(again.body, first.body);
  });

  it('belongs to one customer and one body', async () => {
    const orders = await start();
    const key = randomUUID();
    const alice = await place(orders, { key });
    const bob = await place(orders, { key, user: 'bob' });
    assert.notEqual(alice.body.id, bob.body.id);
    const other = await place(orders, { key, body: { ...BODY, items: [{ productId: 'tea', quantity: 3 }] } });
    assert.equal(other.status, 422);
    assert.equal(other.body.code, 'idempotency-key-reused');
  });

  it('does not care in which order the client writes its JSON', async () => {
    const orders = await start();
    const key = randomUUID();
    const first = await place(orders, { key });
    const turned = Object.fromEntries(Object.entries(BODY).reverse());
    assert.deepEqual((await place(orders, { key, body: turned })).body, first.body);
  });
});

describe('cancelling an order', () => {
  it('is answered by the order itself when its saga was forgotten long ago', async () => {
    const orders = await start({
      ship: async (_id, { address }) =>
        address.country === 'XX'
          ? { ok: false, reason: { code: 'shipping-unavailable' } }
          : { ok: true, result: { shipmentId: 's' } },
    });
    const confirmed = await place(orders);
    const cancelled = await place(orders, {
      body: { ...BODY, shippingAddress: { ...BODY.shippingAddress, country: 'XX' } },
    });
    await orders.db.query('DELETE FROM saga_instance');
    const late = await orders.request('POST', `/orders/${confirmed.body.id}/cancel`);
    assert.deepEqual([late.status, late.body.code], [409, 'too-late']);
    const again = await orders.request('POST', `/orders/${cancelled.body.orderId}/cancel`);
    assert.deepEqual([again.status, again.body.status], [200, 'Cancelled']);
  });

  it('waits for the running step, then gives everything back', async () => {
    const charge = gate();
    const orders = await start({
      charge: async () => {
        await charge.opened;
        return { ok: true, result: { paymentId: 'p' } };
      },
    });
    const placed = await place(orders, { wait: 0 });
    await eventually('it is being charged', () => orders.asked.includes('charge'));
    const cancelled = orders.request('POST', `/orders/${placed.body.id}/cancel`);
    await eventually('the wish is stored', async () => {
      const rows = await orders.db.query('SELECT id FROM saga_instance WHERE cancel_reason IS NOT NULL');
      return rows.length === 1;
    });
    charge.open();
    const answer = await cancelled;
    assert.equal(answer.status, 200);
    assert.equal(answer.body.status, 'Cancelled');
    assert.equal(answer.body.cancellationReason, 'cancelled-by-customer');
    assert.deepEqual(orders.asked.slice(-2), ['refund', 'releaseStock']);
    assert.equal((await orders.request('POST', `/orders/${placed.body.id}/cancel`)).status, 200);
  });

  it('is too late once the shipment is being created', async () => {
    const shipment = gate();
    const orders = await start({
      ship: async () => {
        await shipment.opened;
        return { ok: true, result: { shipmentId: 's' } };
      },
    });
    const placed = await place(orders, { wait: 0 });
    await eventually('it is being shipped', () => orders.asked.includes('ship'));
    const answer = await orders.request('POST', `/orders/${placed.body.id}/cancel`);
    shipment.open();
    assert.equal(answer.status, 409);
    assert.equal(answer.body.code, 'too-late');
    await eventually(
      'confirmed',
      async () => (await orders.request('GET', `/orders/${placed.body.id}`)).body.status === 'Confirmed',
    );
  });
});

describe('reading orders', () => {
  it('shows a customer their own, newest first, in pages', async () => {
    const orders = await start();
    const placed = [];
    for (let n = 0; n < 5; n += 1) placed.unshift((await place(orders)).body.id);
    await place(orders, { user: 'bob' });
    const seen: string[] = [];
    let cursor: string | null | undefined = '';
    while (cursor !== null) {
      const page = await orders.request('GET', `/orders?limit=2${cursor ? `&cursor=${cursor}` : ''}`);
      seen.push(...(page.body.items ?? []).map((order) => order.id));
      cursor = page.body.next ?? null;
    }
    assert.deepEqual(seen, placed);
  });

  it('does not find the orders of others, nor nonsense', async () => {
    const orders = await start();
    const { body } = await place(orders);
    for (const [id, user] of [
      [body.id, 'bob'],
      ['legacy-1001', 'alice'],
      ['00000000-0000-7000-8000-000000000000', 'alice'],
    ] as const) {
      const answer = await orders.request('GET', `/orders/${id}`, { user });
      assert.equal(answer.status, 404);
      assert.equal(answer.body.code, 'order-not-found');
    }
    assert.equal((await orders.request('GET', '/orders?cursor=bm9uc2Vuc2U')).body.code, 'invalid-cursor');
  });
});
