import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createTestService, type TestService } from '@flotilla/service/testing';
import { createLegacyHandlers } from './app.ts';
import { addDemoOrders } from './demo-orders.ts';
import { addArticle, legacyMigrations, openLegacy } from './testing.ts';

interface Answer {
  readonly id: string;
  readonly status: string;
  readonly code?: string;
  readonly total: { readonly amountMinor: number };
  readonly history: readonly { readonly status: string; readonly at: string }[];
  readonly items: readonly { readonly isMoved: boolean }[];
}

const as = (sub: string) => ({ sub, scope: 'orders.read orders.write', permissions: ['orders.write'] });
const ORDER_SERVICE = { sub: 'order', client_id: 'order', azp: 'order', scope: 'legacy.write' };

describe('the monolith', () => {
  let service: TestService;
  let legacy: ReturnType<typeof openLegacy>;
  before(async () => {
    service = await createTestService('legacy', [legacyMigrations]);
    service.serve(createLegacyHandlers(service));
    legacy = openLegacy(service.owner);
    await addArticle(service.owner, 'lamp', 5);
  });
  after(() => service.close());

  const place = (quantity: number, productId = 'lamp') =>
    service.request<Answer>('POST', '/api/orders', {
      as: as('alice'),
      body: { items: [{ productId, quantity }] },
    });
  const show = (id: string, who = 'alice') =>
    service.request<Answer>('GET', `/api/orders/${id}`, { as: as(who) });
  const cancel = (id: string, who = 'alice') =>
    service.request<Answer>('POST', `/api/orders/${id}/cancel`, { as: as(who) });

  it('takes an order, shows it to whose it is, and gives the goods back once', async () => {
    const { status, body } = await place(2);
    assert.equal(status, 201);
    assert.match(body.id, /^legacy-\d+$/);
    assert.deepEqual(body.total, { amountMinor: 3998, currency: 'EUR' });
    assert.deepEqual((await show(body.id)).body, body);
    assert.equal((await show(body.id, 'bob')).status, 404);
    assert.equal((await cancel(body.id, 'bob')).status, 404);
    assert.equal(await legacy.stockOf('lamp'), 3);
    const answers = await Promise.all([cancel(body.id), cancel(body.id), cancel(body.id)]);
    assert.deepEqual(
      answers.map((one) => [one.status, one.body.status]),
      Array(3).fill([200, 'Cancelled']),
    );
    assert.equal(await legacy.stockOf('lamp'), 5);
    assert.deepEqual(
      (await show(body.id)).body.history.map((entry) => entry.status),
      ['Pending', 'PaymentProcessed', 'Cancelled'],
    );
  });

  it('sells no more than there is, however many ask at once, and nothing of what is refused', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => place(1)));
    const sold = answers.filter(({ status }) => status === 201);
    assert.equal(sold.length, 5);
    assert.deepEqual([...new Set(answers.map(({ body }) => body.code))].sort(), ['out-of-stock', undefined]);
    assert.equal((await place(1, 'never-there')).body.code, 'unknown-product');
    for (const { body } of sold) await cancel(body.id);
    assert.equal(await legacy.stockOf('lamp'), 5);
  });

  it('gives an order away as it was read, once, and decides nothing about it any more', async () => {
    const number = await legacy.place('alice', 'lamp');
    const read = await legacy.find(number);
    assert.equal(await legacy.handOver(number, (read?.version ?? 0) + 1), 'version-changed');
    assert.equal((await legacy.find(number))?.isMoved, false);
    assert.equal(await legacy.handOver(number, read?.version ?? 0), 'moved');
    assert.equal(await legacy.handOver(number, read?.version ?? 0), 'moved', 'asked again it is done');
    const refused = await cancel(`legacy-${number}`);
    assert.deepEqual([refused.status, refused.body.code], [409, 'order-moved']);
    assert.equal((await show(`legacy-${number}`)).status, 200, 'it still shows it');
  });

  it('follows a cancellation of what it gave away, once', async () => {
    const number = await legacy.place('alice', 'lamp');
    const at = new Date('2026-01-02T03:04:05.678Z');
    await assert.rejects(legacy.settle(number, { at, reason: 'r' }), /not-moved/);
    await legacy.handOver(number, 1);
    const before = await legacy.stockOf('lamp');
    for (let n = 0; n < 2; n += 1) await legacy.settle(number, { at, reason: 'cancelled-by-customer' });
    assert.equal(await legacy.stockOf('lamp'), before + 1);
    const { body } = await show(`legacy-${number}`);
    assert.deepEqual(body.history.at(-1), { status: 'Cancelled', at: at.toISOString() });
  });

  it('decides for the cancellation or the letting go, whoever is first, and never for both', async () => {
    for (let n = 0; n < 10; n += 1) {
      const number = await legacy.place('alice', 'lamp');
      const [cancelled, moved] = await Promise.all([
        legacy.cancel(number, 'alice'),
        legacy.handOver(number, 1),
      ]);
      const either = cancelled === 'cancelled' ? moved === 'version-changed' : cancelled === 'order-moved';
      assert.ok(either, `${cancelled}, ${moved}`);
      if (cancelled === 'order-moved')
        await legacy.settle(number, { at: new Date(), reason: 'cancelled-by-customer' });
    }
  });

  it('takes no orders once its intake is closed, and tells the order service what is left', async () => {
    const number = await legacy.place('bob', 'lamp');
    await legacy.closeIntake();
    const { status, body } = await place(1);
    assert.deepEqual([status, body.code], [409, 'intake-closed']);
    const left = await service.request<Answer>('GET', '/internal/legacy-orders?isLeft=true', {
      as: ORDER_SERVICE,
    });
    assert.equal(left.status, 200, JSON.stringify(left.body));
    assert.ok(left.body.items.length > 0 && left.body.items.every(({ isMoved }) => !isMoved));
    assert.equal(await legacy.cancel(number, 'bob'), 'cancelled');
  });
});

describe('the demo data of the monolith', () => {
  it('are orders 1001 to 1020 of the first demo customer, made once, with stock that adds up', async (t) => {
    const service = await createTestService('legacy', [legacyMigrations]);
    t.after(() => service.close());
    await Promise.all([addDemoOrders(service.owner), addDemoOrders(service.owner)]);
    const records = await openLegacy(service.owner).list(0, true);
    assert.deepEqual([records.length, records[0]?.number, records.at(-1)?.number], [20, 1001, 1020]);
    assert.equal(new Set(records.map(({ accountId }) => accountId)).size, 1);
    assert.deepEqual([...new Set(records.map(({ state }) => state))].sort(), ['N', 'P', 'S', 'X']);
    const off = await service.owner.query(`
      SELECT code FROM articles WHERE received - stock <> (SELECT coalesce(sum(pieces), 0) FROM positions
        JOIN orders ON orders.no = order_no WHERE article = code AND state <> 'X')`);
    assert.deepEqual(off, []);
  });
});
