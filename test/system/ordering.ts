import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { type Answer, orderBody } from '../../demos/shop-client.ts';
import { insistOnOrder, placeOrder, type RunningSystem } from './running-system.ts';

/** For a service of which no instance can be reached (docs/resilience.md). */
const CALLERS_WAIT_MS = 4_000;

/**
 * The public contract of ordering, against the real running system, over HTTP only: the same in both flows. The system
 * is new: nobody has bought the last pieces.
 */
export const ordering = (running: () => RunningSystem) => (): void => {
  let system: RunningSystem;
  before(() => {
    system = running();
  });

  async function stockOf(sku: string): Promise<number> {
    const answer = await system.call('GET', `/products/${sku}/availability?quantity=1`);
    return Number(answer.body.currentStock);
  }

  function assertProblem(answer: Answer, status: number, code: string): void {
    assert.equal(answer.status, status, JSON.stringify(answer.body));
    assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
    assert.equal(answer.body.code, code);
    assert.equal(answer.body.status, status);
    assert.match(String(answer.body.traceId), /^[0-9a-f]{32}$/);
    assert.doesNotMatch(JSON.stringify(answer.body), /127\.0\.0\.1|node_modules|\.ts:|at .*\(/);
  }

  it('confirms an order and shows its whole history', async () => {
    const before = await stockOf('sku-0002');
    const answer = await insistOnOrder(system, { sku: 'sku-0002', quantity: 2 });
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    assert.equal(answer.body.status, 'Confirmed');
    assert.equal(answer.headers.get('location'), `/orders/${answer.body.id}`);
    const history = (answer.body.history ?? [])?.map((step) => step.status);
    assert.deepEqual(history, ['Pending', 'InventoryReserved', 'PaymentProcessed', 'Confirmed']);
    const product = await system.call('GET', '/products/sku-0002');
    const unit = product.body.price?.amountMinor;
    assert.equal(answer.body.total?.amountMinor, Number(unit) * 2);
    assert.equal(await stockOf('sku-0002'), before - 2);
    const read = await system.call('GET', `/orders/${answer.body.id}`, {
      token: await system.token('alice'),
    });
    assert.deepEqual(read.body, answer.body);
  });

  it('accepts at once without a preference and ends by itself', async () => {
    const answer = await insistOnOrder(system, { waitSeconds: 0 });
    assert.equal(answer.status, 202);
    assert.equal(answer.body.status, 'Pending');
    const token = await system.token('alice');
    await eventually(
      'confirmed',
      async () =>
        (await system.call('GET', `/orders/${answer.body.id}`, { token })).body.status === 'Confirmed',
    );
  });

  for (const [what, wish, code] of [
    ['out of stock', { sku: 'sku-soldout' }, 'out-of-stock'],
    ['more than there is', { sku: 'sku-limited', quantity: 11 }, 'out-of-stock'],
    ['declined payment', { payment: 'tok_declined' }, 'payment-declined'],
    ['a country we do not ship to', { country: 'XX' }, 'shipping-unavailable'],
  ] as const) {
    it(`cancels with a reason: ${what}`, async () => {
      const before = await stockOf('sku-0001');
      const answer = await insistOnOrder(system, wish);
      assertProblem(answer, 422, code);
      const order = await system.call('GET', `/orders/${answer.body.orderId}`, {
        token: await system.token('alice'),
      });
      assert.equal(order.body.status, 'Cancelled');
      assert.equal(order.body.cancellationReason, code);
      assert.equal(await stockOf('sku-0001'), before);
    });
  }

  it('refunds what was charged when shipping refuses', async () => {
    const answer = await insistOnOrder(system, { country: 'XX' });
    const [sums] = await system.sql(
      'payment-provider',
      `SELECT c.amount_minor::int AS captured, coalesce(sum(r.amount_minor), 0)::int AS refunded
       FROM charge c LEFT JOIN refund r ON r.charge_id = c.id WHERE c.reference = '${answer.body.orderId}' GROUP BY c.id`,
    );
    assert.ok(Number(sums?.['captured']) > 0);
    assert.equal(sums?.['captured'], sums?.['refunded']);
  });

  for (const payment of ['tok_flaky', 'tok_slow', 'tok_timeout']) {
    it(`charges once when the provider is difficult: ${payment}`, async () => {
      const answer = await insistOnOrder(system, { payment, waitSeconds: 30 });
      assert.equal(answer.status, 201, JSON.stringify(answer.body));
      const charges = await system.sql(
        'payment-provider',
        `SELECT id FROM charge WHERE reference = '${answer.body.id}' AND status = 'captured'`,
      );
      assert.equal(charges.length, 1);
    });
  }

  it('gives the same answer and one effect to the same key, at once and later', async () => {
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 5 }, () => insistOnOrder(system, { key })));
    const late = await insistOnOrder(system, { key });
    const done = [...answers, late].filter((answer) => answer.status !== 409);
    assert.ok(done.length >= 2);
    for (const answer of done) {
      assert.equal(answer.status, 201);
      assert.deepEqual(answer.body, late.body);
    }
    for (const answer of answers.filter((each) => each.status === 409))
      assertProblem(answer, 409, 'idempotency-in-progress');
    const orders = await system.sql('order', `SELECT id FROM order_view WHERE idempotency_key = '${key}'`);
    assert.equal(orders.length, 1);
  });

  it('repeats a refusal to the same key, too', async () => {
    const key = randomUUID();
    const first = await insistOnOrder(system, { key, payment: 'tok_declined' });
    const second = await insistOnOrder(system, { key, payment: 'tok_declined' });
    assertProblem(first, 422, 'payment-declined');
    assert.deepEqual(second.body, first.body);
  });

  it('refuses another body under the same key', async () => {
    const key = randomUUID();
    await insistOnOrder(system, { key });
    assertProblem(await insistOnOrder(system, { key, quantity: 2 }), 422, 'idempotency-key-reused');
  });

  it('keeps the keys of two customers apart', async () => {
    const key = randomUUID();
    const [alice, bob] = await Promise.all([
      insistOnOrder(system, { key }),
      insistOnOrder(system, { key, user: 'bob' }),
    ]);
    assert.equal(alice.status, 201);
    assert.equal(bob.status, 201);
    assert.notEqual(alice.body.id, bob.body.id);
  });

  it('needs a key', async () => {
    const token = await system.token('alice');
    assertProblem(
      await system.call('POST', '/orders', { token, body: orderBody() }),
      400,
      'idempotency-key-required',
    );
    const long = { 'idempotency-key': 'x'.repeat(256) };
    assertProblem(
      await system.call('POST', '/orders', { token, headers: long, body: orderBody() }),
      400,
      'idempotency-key-invalid',
    );
  });

  it('refuses malformed and impossible orders without any effect', async () => {
    const token = await system.token('bob');
    const headers = (): Record<string, string> => ({ 'idempotency-key': randomUUID() });
    const post = (body: unknown): Promise<Answer> =>
      system.call('POST', '/orders', { token, headers: headers(), body });
    assertProblem(
      await system.call('POST', '/orders', { token, headers: headers(), rawBody: '{"items": [' }),
      400,
      'malformed-json',
    );
    for (const quantity of [-1, 0, 1.5, 1_001, 1e21, '1', null]) {
      const body = { ...orderBody(), items: [{ productId: 'sku-0001', quantity }] };
      const answer = await post(body);
      assertProblem(answer, 400, 'validation-failed');
      assert.ok((answer.body.errors ?? []).some((issue) => issue.path === '/items/0/quantity'));
    }
    assertProblem(await post(orderBody({ sku: 'no-such-product' })), 422, 'unknown-product');
    for (const extra of [
      { price: 1 },
      { role: 'Admin' },
      { tenantId: 'globex' },
      { customerId: 'x' },
      { status: 'Confirmed' },
    ]) {
      assertProblem(await post({ ...orderBody(), ...extra }), 400, 'validation-failed');
    }
    assertProblem(
      await post({ ...orderBody(), items: [{ productId: 'sku-0001', quantity: 1, unitPrice: 1 }] }),
      400,
      'validation-failed',
    );
    assertProblem(await post({ ...orderBody(), items: [] }), 400, 'validation-failed');
    const orders = await system.call('GET', '/orders?limit=100', { token });
    assert.ok((orders.body.items ?? []).every((order) => order.status === 'Confirmed'));
  });

  it('charges what a quote says, line by line', async () => {
    const token = await system.token('bob');
    const items = [{ productId: 'sku-0003', quantity: 3 }];
    const asked = { items, country: 'AT', coupon: 'welcome10' };
    const quote = await system.call('POST', '/quotes', { token, body: asked });
    assert.equal(quote.status, 201, JSON.stringify(quote.body));
    const answer = await insistOnOrder(system, {
      ...{ user: 'bob', sku: 'sku-0003', quantity: 3 },
      agreedOn: { quoteId: quote.body.id },
    });
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    assert.deepEqual(answer.body.total, quote.body.total);
    const listed = Number(answer.body.items?.[0]?.unitPrice.amountMinor) * 3;
    assert.deepEqual(
      answer.body.discounts?.map(({ code }) => code),
      ['three-for-two', 'WELCOME10'],
    );
    assert.equal(answer.body.total?.amountMinor, Math.round(((listed / 3) * 2 * 9) / 10));
    assertProblem(await system.call('POST', '/quotes', { token, body: asked }), 422, 'coupon-used');
  });

  it('lets one of many have the last use of a coupon, and another one when that is cancelled', async () => {
    const coupon = `LAST-${randomUUID().slice(0, 8)}`;
    const token = await system.token('admin');
    const body = { code: coupon, promotionId: 'last-one', uses: 1 };
    assert.equal((await system.call('POST', '/coupons', { token, body })).status, 201);
    const wish = (user: string) => ({ user, waitSeconds: 30, agreedOn: { coupon } });
    const cancelled = await insistOnOrder(system, { ...wish('alice'), payment: 'tok_declined' });
    assertProblem(cancelled, 422, 'payment-declined');
    const racing = ['alice', 'bob', 'carol', 'alice', 'bob', 'carol'].map((user) =>
      insistOnOrder(system, wish(user)),
    );
    const answers = await Promise.all(racing);
    assert.equal(answers.filter(({ status }) => status === 201).length, 1);
    for (const answer of answers.filter(({ status }) => status !== 201))
      assertProblem(answer, 422, 'coupon-used');
  });

  it('refuses an order whose quote does not hold any more, with the new one', async () => {
    const token = await system.token('carol');
    const items = [{ productId: 'sku-0004', quantity: 1 }];
    const quote = await system.call('POST', '/quotes', { token, body: { items, country: 'AT' } });
    const agreedOn = { quoteId: quote.body.id };
    const refused = await insistOnOrder(system, { user: 'carol', sku: 'sku-0004', quantity: 2, agreedOn });
    assertProblem(refused, 409, 'quote-changed');
    const again = { quoteId: refused.body.quote?.id };
    const answer = await insistOnOrder(system, {
      user: 'carol',
      sku: 'sku-0004',
      quantity: 2,
      agreedOn: again,
    });
    assert.deepEqual([answer.status, answer.body.total], [201, refused.body.quote?.total]);
    const stolen = await insistOnOrder(system, { user: 'bob', sku: 'sku-0004', agreedOn });
    assertProblem(stolen, 422, 'quote-unknown');
  });

  it('hides the orders of others', async () => {
    const { body } = await insistOnOrder(system);
    const bob = await system.token('bob');
    assertProblem(await system.call('GET', `/orders/${body.id}`, { token: bob }), 404, 'order-not-found');
    assertProblem(
      await system.call('POST', `/orders/${body.id}/cancel`, { token: bob }),
      404,
      'order-not-found',
    );
    const list = await system.call('GET', '/orders?limit=100', { token: bob });
    assert.ok((list.body.items ?? []).every((order) => order.id !== String(body.id)));
  });

  it('refuses tokens that are missing, forged or expired', async () => {
    const token = await system.token('alice');
    const [header = '', payload = '', signature = ''] = token.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const forged = [
      undefined,
      'nonsense',
      `${header}.${encode({ ...claims, role: 'Admin' })}.${signature}`,
      `${header}.${encode({ ...claims, exp: 1 })}.${signature}`,
      `${encode({ alg: 'none', typ: 'at+jwt' })}.${payload}.`,
      `${header}.${payload}.${signature.slice(0, -4)}AAAA`,
    ];
    for (const bad of forged) {
      const answer = await system.call('GET', '/orders', bad === undefined ? {} : { token: bad });
      assertProblem(answer, 401, 'unauthorized');
      assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer/);
    }
    assert.equal((await system.call('GET', '/orders', { token })).status, 200);
  });

  it('cancels an order that is not shipped yet and gives everything back', async () => {
    const before = await stockOf('sku-0003');
    const placed = await insistOnOrder(system, { sku: 'sku-0003', payment: 'tok_slow', waitSeconds: 0 });
    const token = await system.token('alice');
    const answer = await system.call('POST', `/orders/${placed.body.id}/cancel`, { token });
    assert.ok([200, 202].includes(answer.status), JSON.stringify(answer.body));
    await eventually(
      'cancelled',
      async () =>
        (await system.call('GET', `/orders/${placed.body.id}`, { token })).body.status === 'Cancelled',
    );
    assert.equal(await stockOf('sku-0003'), before);
    const again = await system.call('POST', `/orders/${placed.body.id}/cancel`, { token });
    assert.equal(again.status, 200);
  });

  it('does not cancel what is on its way', async () => {
    const { body } = await insistOnOrder(system);
    assertProblem(
      await system.call('POST', `/orders/${body.id}/cancel`, { token: await system.token('alice') }),
      409,
      'too-late',
    );
  });

  it('lists orders newest first, in pages', async () => {
    for (let n = 0; n < 3; n += 1) await insistOnOrder(system, { user: 'carol' });
    const token = await system.token('carol');
    const first = await system.call('GET', '/orders?limit=2', { token });
    const second = await system.call(
      'GET',
      `/orders?limit=2&cursor=${encodeURIComponent(String(first.body.next))}`,
      { token },
    );
    const ids = [first, second].flatMap((page) => (page.body.items ?? []).map((order) => order.id));
    assert.equal(new Set(ids).size, ids.length);
    assert.deepEqual(ids, [...ids].sort().reverse());
  });

  it('sells the last pieces exactly once: 50 buyers, 10 pieces', async () => {
    const users = ['alice', 'bob', 'carol'];
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_none, n) =>
        insistOnOrder(system, { sku: 'sku-limited', waitSeconds: 30, user: users[n % 3] ?? 'alice' }),
      ),
    );
    const confirmed = answers.filter((answer) => answer.status === 201);
    const refused = answers.filter(
      (answer) => answer.status === 422 && String(answer.body.code) === 'out-of-stock',
    );
    assert.equal(
      confirmed.length,
      10,
      answers.map((answer) => `${answer.status} ${answer.body.code ?? ''}`).join('\n'),
    );
    assert.equal(refused.length, 40);
    assert.equal(await stockOf('sku-limited'), 0);
    const [stock] = await system.sql(
      'inventory',
      `SELECT on_hand, reserved FROM stock WHERE product_id = 'sku-limited'`,
    );
    assert.deepEqual(stock, { on_hand: 0, reserved: 0 });
  });

  it('fails no order while services are restarted', async () => {
    for (const service of ['inventory', 'order', 'payment', 'shipping']) {
      let restarting = true;
      const startedAt = performance.now();
      const restart = system.restart(service).finally(() => {
        restarting = false;
      });
      const statuses = [];
      while (restarting) statuses.push((await placeOrder(system)).status);
      await restart;
      assert.ok(statuses.length > 0);
      // A machine on which starting a process takes longer than callers wait for it may turn some away, or have them wait
      // for the end, and no more.
      const isSlow = performance.now() - startedAt > CALLERS_WAIT_MS;
      const failed = statuses.filter((status) => status !== 201 && !(isSlow && [202, 503].includes(status)));
      assert.deepEqual(failed, [], service);
    }
  });

  it('carries the trace through to the answer', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const answer = await system.call('GET', '/products', {
      headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01` },
    });
    assert.equal(answer.headers.get('x-request-id'), traceId);
  });
};
