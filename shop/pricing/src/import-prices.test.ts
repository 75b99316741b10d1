import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createCouponStore } from './coupon-store.ts';
import { importPrices, readPrices } from './features/import-prices.ts';
import { createRulesStore } from './rules-store.ts';
import { type PricingRig, startPricing } from './testing.ts';

const eur = (amountMinor: number) => ({ amountMinor, currency: 'EUR' });
const FILE = {
  promotions: [
    { id: 'tenth', name: 'A tenth', discount: { kind: 'percentage', basisPoints: 1_000 }, couponOnly: true },
  ],
  coupons: [{ code: 'ten', promotionId: 'tenth', uses: 5 }],
  prices: [{ productId: 'tea', price: eur(800), validFrom: '2026-01-01T00:00:00Z' }],
  taxes: [{ country: 'AT', basisPoints: 2_000 }],
  shipping: [{ country: 'AT', price: eur(490) }],
};

describe('importing prices', () => {
  let rig: PricingRig;
  before(async () => {
    rig = await startPricing();
    rig.catalogue.set('tea', eur(1_000));
  });
  after(() => rig.close());

  function load(file: object) {
    const read = readPrices(JSON.stringify(file));
    assert.ok(read.ok, JSON.stringify(read));
    return importPrices({ rules: createRulesStore(rig.db), coupons: createCouponStore(rig.db) }, read.value);
  }

  it('sets all of it, and changes nothing the second time', async () => {
    assert.deepEqual(await load(FILE), { promotions: 1, prices: 1, coupons: 1, known: [], orphans: [] });
    assert.deepEqual(await load(FILE), { promotions: 1, prices: 1, coupons: 0, known: ['ten'], orphans: [] });
    const alice = await rig.customer('alice');
    const items = [{ productId: 'tea', quantity: 1 }];
    const { body } = await alice('POST', '/quotes', { items, country: 'AT', coupon: 'TEN' });
    assert.deepEqual([body.shipping, body.total, body.tax], [eur(490), eur(1_210), eur(202)]);
  });

  it('names the coupons whose promotion is not there', async () => {
    const { orphans } = await load({ coupons: [{ code: 'LOST', promotionId: 'none' }] });
    assert.deepEqual(orphans, ['LOST']);
  });

  it('says everything that is wrong with a file, and where', () => {
    const wrong = (file: unknown) => {
      const read = readPrices(typeof file === 'string' ? file : JSON.stringify(file));
      return read.ok ? [] : read.rejection;
    };
    assert.match(String(wrong('{')), /is not JSON/);
    assert.match(String(wrong([])), /must be/);
    assert.match(String(wrong({ promotions: [{ id: 'x' }] })), /\/promotions\/0/);
    const backwards = { ...FILE.prices[0], validUntil: '2025-01-01T00:00:00Z' };
    const shipping = { id: 'x', name: 'x', discount: { kind: 'shipping', buy: 2 } };
    assert.deepEqual(wrong({ promotions: [shipping], prices: [backwards] }), [
      '/promotions/0 is not a promotion: members-of-another-kind',
      '/prices/0 ends before it begins',
    ]);
  });
});
