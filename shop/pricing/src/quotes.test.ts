import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Caller, type PricingRig, startPricing } from './testing.ts';

const eur = (amountMinor: number) => ({ amountMinor, currency: 'EUR' });

describe('a quote', () => {
  let rig: PricingRig;
  let alice: Caller;
  let admin: Caller;
  let order: Caller;

  before(async () => {
    rig = await startPricing();
    [alice, admin, order] = [await rig.customer('alice'), await rig.admin(), await rig.service()];
    await rig.app.addDemoPrices();
    await rig.app.addDemoPrices(); // as after each start
    rig.catalogue.set('sku-0003', eur(1_000));
    for (const id of ['tea', 'pot', 'cup']) rig.catalogue.set(id, eur(500));
    rig.catalogue.set('imported', { amountMinor: 900, currency: 'USD' });
  });
  after(() => rig.close());

  const quote = (items: Readonly<Record<string, number>>, more: object = {}) =>
    alice('POST', '/quotes', { items: toItems(items), country: 'AT', ...more });
  const toItems = (items: Readonly<Record<string, number>>) =>
    Object.entries(items).map(([productId, quantity]) => ({ productId, quantity }));
  const confirm = (items: Readonly<Record<string, number>>, more: object) =>
    order('POST', '/internal/quotes/confirm', {
      ...{ customerId: 'alice', items: toItems(items), country: 'AT' },
      ...more,
    });

  it('says what each line costs and why, what tax is in it, and until when it holds', async () => {
    const { status, body } = await quote({ 'sku-0003': 3, tea: 1 });
    assert.equal(status, 201);
    const { id, expiresAt, ...rest } = body;
    const reason = { code: 'three-for-two', name: 'Three for two', amount: eur(1_000) };
    const line = (productId: string, quantity: number) => ({
      productId,
      name: `Product ${productId}`,
      quantity,
    });
    assert.deepEqual(rest, {
      country: 'AT',
      lines: [
        { ...line('sku-0003', 3), unitPrice: eur(1_000), discounts: [reason], total: eur(2_000) },
        { ...line('tea', 1), unitPrice: eur(500), discounts: [], total: eur(500) },
      ],
      discounts: [],
      shipping: eur(0),
      tax: eur(417),
      total: eur(2_500),
    });
    assert.ok(Date.parse(expiresAt) > Date.now());
    assert.deepEqual((await alice('GET', `/quotes/${id}`)).body, body);
  });

  it('is seen by nobody else', async () => {
    const { body } = await quote({ tea: 1 });
    const bob = await rig.customer('bob');
    assert.equal((await bob('GET', `/quotes/${body.id}`)).body.code, 'quote-not-found');
    const stolen = { customerId: 'bob', items: toItems({ tea: 1 }), country: 'AT', quoteId: body.id };
    assert.equal((await order('POST', '/internal/quotes/confirm', stolen)).body.code, 'quote-unknown');
  });

  it('makes one line of the lines of a product, and holds no more of it than an order', async () => {
    const items = [
      { productId: 'tea', quantity: 600 },
      { productId: 'tea', quantity: 400 },
    ];
    assert.equal((await alice('POST', '/quotes', { items, country: 'AT' })).body.lines[0].quantity, 1_000);
    const more = [...items, { productId: 'tea', quantity: 1 }];
    assert.equal(
      (await alice('POST', '/quotes', { items: more, country: 'AT' })).body.code,
      'quantity-limit',
    );
  });

  it('is refused with a reason', async () => {
    const code = async (items: Readonly<Record<string, number>>, more: object = {}) =>
      (await quote(items, more)).body.code;
    assert.equal(await code({ nothing: 1 }), 'unknown-product');
    assert.equal(await code({ tea: 1, imported: 1 }), 'mixed-currencies');
    assert.equal(await code({ tea: 1 }, { currency: 'USD' }), 'no-price');
    assert.equal(await code({ tea: 1 }, { coupon: 'NOSUCH' }), 'coupon-unknown');
    assert.equal(await code({ tea: 1 }, { coupon: 'a b' }), 'validation-failed');
    assert.equal(await code({ tea: 0 }), 'validation-failed');
  });

  it('takes the price list in the place of the catalogue, in its currency and its time', async () => {
    const put = (price: object, more: object = {}) => admin('PUT', '/prices/pot', { price, ...more });
    const total = async (more: object = {}) => (await quote({ pot: 1 }, more)).body.total;
    await put(eur(450));
    assert.deepEqual(await total(), eur(450));
    await put({ amountMinor: 600, currency: 'USD' });
    assert.deepEqual(await total({ currency: 'USD' }), { amountMinor: 600, currency: 'USD' });
    await put(eur(1), { validFrom: '2099-01-01T00:00:00Z' });
    assert.deepEqual(await total(), eur(450));
    await put(eur(300), { validFrom: '2026-01-01T00:00:00Z', validUntil: '2026-02-01T00:00:00Z' });
    assert.deepEqual(await total(), eur(450));
    const { items } = (await admin('GET', '/prices/pot')).body;
    assert.equal(items.length, 4);
    const backwards = { validFrom: '2026-02-01T00:00:00Z', validUntil: '2026-01-01T00:00:00Z' };
    assert.equal((await put(eur(1), backwards)).body.code, 'ends-before-it-begins');
  });

  it('follows a change of promotions at once', async () => {
    const definition = {
      name: 'Half',
      discount: { kind: 'percentage', basisPoints: 5_000, products: ['cup'] },
    };
    const total = async () => (await quote({ cup: 1 })).body.total.amountMinor;
    assert.equal(await total(), 500);
    assert.equal((await admin('POST', '/promotions', { id: 'half', ...definition })).status, 201);
    assert.equal(await total(), 250);
    const tenth = { ...definition, discount: { ...definition.discount, basisPoints: 1_000 } };
    assert.equal((await admin('PUT', '/promotions/half', tenth)).status, 200);
    assert.equal(await total(), 450);
    assert.equal((await admin('DELETE', '/promotions/half')).status, 204);
    assert.equal(await total(), 500);
    const changes = await rig.db.query('SELECT actor FROM price_change WHERE subject = $1', [
      'promotion half',
    ]);
    assert.deepEqual(changes, Array(3).fill({ actor: 'admin' }));
  });

  it('is what an order is placed on, as long as it holds', async () => {
    const { body: seen } = await quote({ tea: 2 });
    assert.deepEqual((await confirm({ tea: 2 }, { quoteId: seen.id })).body, seen);
    const other = await confirm({ tea: 3 }, { quoteId: seen.id });
    assert.deepEqual([other.status, other.body.code], [409, 'quote-changed']);
    assert.deepEqual(other.body.quote.total, eur(1_500));
    rig.catalogue.set('tea', eur(550));
    const dearer = await confirm({ tea: 2 }, { quoteId: seen.id });
    assert.deepEqual([dearer.body.code, dearer.body.quote.total], ['quote-changed', eur(1_100)]);
    assert.deepEqual((await confirm({ tea: 2 }, { quoteId: dearer.body.quote.id })).body, dearer.body.quote);
    rig.catalogue.set('tea', eur(500));
    await rig.db.query('UPDATE quote SET expires_at = now() WHERE id = $1', [seen.id]);
    assert.equal((await confirm({ tea: 2 }, { quoteId: seen.id })).body.code, 'quote-expired');
  });

  it('is forgotten a day after it ended', async () => {
    const { body } = await quote({ tea: 1 });
    await rig.app.forgetOldQuotes();
    assert.equal((await alice('GET', `/quotes/${body.id}`)).status, 200);
    await rig.db.query("UPDATE quote SET expires_at = now() - interval '25 hours' WHERE id = $1", [body.id]);
    await rig.app.forgetOldQuotes();
    assert.equal((await alice('GET', `/quotes/${body.id}`)).status, 404);
  });
});

describe('a promotion', () => {
  let rig: PricingRig;
  let admin: Caller;

  before(async () => {
    rig = await startPricing();
    admin = await rig.admin();
  });
  after(() => rig.close());

  const tenth = { name: 'A tenth', discount: { kind: 'percentage', basisPoints: 1_000 } };

  it('is made by administrators alone', async () => {
    const alice = await rig.customer('alice');
    assert.equal((await alice('POST', '/promotions', { id: 'mine', ...tenth })).status, 403);
    assert.equal((await alice('GET', '/promotions')).status, 403);
  });

  it('has the members of its kind and makes sense, or is refused with the reason', async () => {
    const reason = async (discount: object, more: object = {}) =>
      (await admin('POST', '/promotions', { id: 'wrong', name: 'x', discount, ...more })).body.reason;
    assert.equal(await reason({ kind: 'percentage' }), 'members-of-another-kind');
    assert.equal(await reason({ kind: 'amount', basisPoints: 1 }), 'members-of-another-kind');
    assert.equal(await reason({ kind: 'shipping', products: ['tea'] }), 'members-of-another-kind');
    const products = ['tea'];
    assert.equal(
      await reason({ kind: 'buy-n-pay-m', buy: 2, pay: 2, products }),
      'pays-for-more-than-bought',
    );
    const minimum = eur(1);
    assert.equal(
      await reason({ kind: 'percentage', basisPoints: 1, products }, { minimum }),
      'minimum-on-lines',
    );
    const times = { validFrom: '2026-01-02T00:00:00Z', validUntil: '2026-01-01T00:00:00Z' };
    assert.equal(await reason({ kind: 'shipping' }, times), 'ends-before-it-begins');
  });

  it('is listed in pages, and there once', async () => {
    for (const id of ['a', 'b', 'c']) await admin('POST', '/promotions', { id, ...tenth });
    assert.equal((await admin('POST', '/promotions', { id: 'a', ...tenth })).body.code, 'promotion-exists');
    const first = (await admin('GET', '/promotions?limit=2')).body;
    const second = (await admin('GET', `/promotions?limit=2&cursor=${first.next}`)).body;
    const ids = [...first.items, ...second.items].map((promotion: { id: string }) => promotion.id);
    assert.deepEqual([ids, second.next], [['a', 'b', 'c'], null]);
    assert.equal((await admin('GET', '/promotions?cursor=AAAA')).body.code, 'invalid-cursor');
  });

  it('is not taken away while there are coupons of it', async () => {
    await admin('POST', '/promotions', { id: 'welcome', ...tenth, couponOnly: true });
    const coupon = { code: 'hello', promotionId: 'welcome', uses: 2 };
    assert.deepEqual((await admin('POST', '/coupons', coupon)).body, { ...coupon, code: 'HELLO', used: 0 });
    assert.equal((await admin('POST', '/coupons', coupon)).body.code, 'coupon-exists');
    assert.equal((await admin('DELETE', '/promotions/welcome')).body.code, 'promotion-has-coupons');
    const orphan = { code: 'x', promotionId: 'none' };
    assert.equal((await admin('POST', '/coupons', orphan)).body.code, 'promotion-not-found');
    for (const [method, url] of [
      ['PUT', '/promotions/none'],
      ['DELETE', '/promotions/none'],
    ] as const)
      assert.equal((await admin(method, url, method === 'PUT' ? tenth : undefined)).status, 404);
  });
});
