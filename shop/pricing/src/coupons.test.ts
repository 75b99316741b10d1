import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { orderCancellationRequested, orderCouponPresented } from '@shop/contracts';
import { type Caller, type PricingRig, startPricing } from './testing.ts';

const eur = (amountMinor: number) => ({ amountMinor, currency: 'EUR' });

describe('a coupon', () => {
  let rig: PricingRig;
  let admin: Caller;
  let order: Caller;
  let coupons = 0;
  let orders = 0;

  before(async () => {
    rig = await startPricing();
    [admin, order] = [await rig.admin(), await rig.service()];
    rig.catalogue.set('tea', eur(1_000));
    const discount = { kind: 'percentage', basisPoints: 1_000 };
    await admin('POST', '/promotions', { id: 'tenth', name: 'A tenth', discount, couponOnly: true });
  });
  after(() => rig.close());

  async function issue(terms: object): Promise<string> {
    coupons += 1;
    const code = `C${coupons}`;
    assert.equal((await admin('POST', '/coupons', { code, promotionId: 'tenth', ...terms })).status, 201);
    return code;
  }
  const newOrder = () => {
    orders += 1;
    return `order-${orders}`;
  };
  async function redeem(coupon: string, customerId: string, orderId: string = newOrder(), amountMinor = 100) {
    const body = { coupon, customerId, discount: eur(amountMinor) };
    // Many at once wait for the database longer than they may: asked again, as the order process does.
    const answer = await eventually('an answer', async () => {
      const given = await order('PUT', `/internal/redemptions/${orderId}`, body);
      return given.status !== 503 && given;
    });
    assert.equal(answer.status, 200);
    return answer.body.reason ?? answer.body.status;
  }
  const release = (orderId: string) => order('DELETE', `/internal/redemptions/${orderId}`);
  const used = async (coupon: string) => (await admin('GET', `/coupons/${coupon}`)).body.used;
  async function quote(customerId: string, coupon: string) {
    const customer = await rig.customer(customerId);
    const items = [{ productId: 'tea', quantity: 1 }];
    return (await customer('POST', '/quotes', { items, country: 'AT', coupon })).body;
  }

  it('reduces a quote, whichever way it is written, and is named in it', async () => {
    const coupon = await issue({});
    const { discounts, total, coupon: named } = await quote('alice', coupon.toLowerCase());
    assert.deepEqual(discounts, [{ code: coupon, name: 'A tenth', amount: eur(100) }]);
    assert.deepEqual([total, named], [eur(900), coupon]);
  });

  it('with one use is used by one of 200 that race for it', async () => {
    const coupon = await issue({ uses: 1 });
    const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => redeem(coupon, `customer-${n}`)));
    assert.equal(answers.filter((answer) => answer === 'redeemed').length, 1);
    assert.equal(answers.filter((answer) => answer === 'coupon-used').length, 199);
    assert.equal(await used(coupon), 1);
  });

  it('for each customer once is used by each once', async () => {
    const coupon = await issue({ usesPerCustomer: 1 });
    const racing = ['alice', 'bob', 'alice', 'bob', 'alice'].map((customer) => redeem(coupon, customer));
    assert.equal((await Promise.all(racing)).filter((answer) => answer === 'redeemed').length, 2);
    assert.equal((await quote('alice', coupon)).code, 'coupon-used');
    assert.equal((await quote('carol', coupon)).total.amountMinor, 900);
  });

  it('gives no more away than its budget, and nothing in another currency', async () => {
    const coupon = await issue({ budget: eur(250) });
    assert.equal(await redeem(coupon, 'alice', newOrder(), 150), 'redeemed');
    assert.equal(await redeem(coupon, 'bob', newOrder(), 101), 'coupon-used');
    assert.equal(await redeem(coupon, 'carol', newOrder(), 100), 'redeemed');
    assert.deepEqual((await admin('GET', `/coupons/${coupon}`)).body.spent, eur(250));
    const foreign = await issue({ budget: { amountMinor: 1_000, currency: 'USD' } });
    assert.equal((await quote('alice', foreign)).code, 'coupon-used');
  });

  it('ends', async () => {
    const coupon = await issue({ validUntil: '2026-01-01T00:00:00Z' });
    assert.equal((await quote('alice', coupon)).code, 'coupon-expired');
    assert.equal(await redeem(coupon, 'alice'), 'coupon-expired');
  });

  it('is used once for an order, however often it is asked', async () => {
    const coupon = await issue({ uses: 2 });
    const orderId = newOrder();
    const answers = await Promise.all(Array.from({ length: 5 }, () => redeem(coupon, 'alice', orderId)));
    assert.deepEqual([new Set(answers), await used(coupon)], [new Set(['redeemed']), 1]);
  });

  it('keeps its first answer to an order, also when it was a refusal', async () => {
    const coupon = await issue({ uses: 1 });
    const [one, other] = [newOrder(), newOrder()];
    await redeem(coupon, 'alice', one);
    assert.equal(await redeem(coupon, 'bob', other), 'coupon-used');
    await release(one);
    assert.equal(await redeem(coupon, 'bob', other), 'coupon-used');
    assert.equal(await redeem(coupon, 'bob'), 'redeemed');
  });

  it('is given back once, and a use that arrives after that is refused', async () => {
    const coupon = await issue({ uses: 1 });
    const [one, late] = [newOrder(), newOrder()];
    await redeem(coupon, 'alice', one);
    await Promise.all([release(one), release(one), release(late)]);
    assert.equal(await used(coupon), 0);
    assert.equal(await redeem(coupon, 'alice', one), 'order-cancelled');
    assert.equal(await redeem(coupon, 'alice', late), 'order-cancelled');
    assert.equal(await used(coupon), 0);
  });

  it('ends as if one of them had been alone when use and release race', async () => {
    const coupon = await issue({});
    const racing = Array.from({ length: 50 }, newOrder);
    await Promise.all(racing.flatMap((orderId) => [redeem(coupon, 'alice', orderId), release(orderId)]));
    assert.equal(await used(coupon), 0);
    const states = await rig.db.query('SELECT DISTINCT state FROM redemption WHERE order_id = ANY($1)', [
      racing,
    ]);
    assert.ok(states.every(({ state }) => state !== 'redeemed'));
  });

  it('of an order by events is used and given back by events, and each question has its answer', async () => {
    const coupon = await issue({ uses: 1 });
    const [one, other] = [newOrder(), newOrder()];
    const present = (orderId: string, id: string) =>
      rig.publish(orderCouponPresented, { orderId, customerId: 'alice', coupon, discount: eur(100) }, id);
    const answers = async (count: number) =>
      await eventually(`${count} answers`, async () => {
        const found = await rig.published();
        return found.length === count && found;
      });
    await present(one, 'question-1');
    await present(one, 'question-2');
    assert.deepEqual(await answers(2), Array(2).fill('pricing.coupon-redeemed.v1'));
    await present(other, 'question-3');
    assert.equal((await answers(3)).at(-1), 'pricing.coupon-refused.v1');
    await rig.publish(
      orderCancellationRequested,
      { orderId: one, reason: 'order-expired', coupon },
      'question-4',
    );
    assert.equal((await answers(4)).at(-1), 'pricing.coupon-released.v1');
    assert.equal(await used(coupon), 0);
  });
});
