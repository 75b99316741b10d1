import type { CouponStore } from './coupon-store.ts';
import type { Promotion } from './domain/promotion.ts';
import type { RulesStore } from './rules-store.ts';

const always = { priority: 0, exclusive: false };

const PROMOTIONS: readonly Promotion[] = [
  {
    ...always,
    id: 'three-for-two',
    name: 'Three for two',
    discount: { kind: 'buy-n-pay-m', buy: 3, pay: 2, products: ['sku-0003'] },
    couponOnly: false,
  },
  {
    ...always,
    id: 'welcome',
    name: '10 % for new customers',
    discount: { kind: 'percentage', basisPoints: 1_000 },
    couponOnly: true,
  },
  {
    ...always,
    id: 'last-one',
    name: '5 EUR off, for one order',
    discount: { kind: 'amount', amount: { amountMinor: 500, currency: 'EUR' } },
    couponOnly: true,
  },
  {
    ...always,
    id: 'thanks',
    name: '5 % for those who come back',
    discount: { kind: 'percentage', basisPoints: 500 },
    couponOnly: true,
  },
];

/** Standard rates of 2026. */
const TAXES: Readonly<Record<string, number>> = { AT: 2_000, DE: 1_900, CH: 810, FR: 2_000, IT: 2_200 };

/** Adds what is missing of the demo's promotions, coupons and rates; what was changed stays as it is. */
export async function addDemoPrices(deps: {
  readonly rules: RulesStore;
  readonly coupons: CouponStore;
}): Promise<void> {
  const { rules, coupons } = deps;
  for (const promotion of PROMOTIONS) await rules.addPromotion(promotion, 'demo');
  await coupons.issue({ code: 'WELCOME10', promotionId: 'welcome', usesPerCustomer: 1 }, 'demo');
  await coupons.issue({ code: 'LASTONE', promotionId: 'last-one', uses: 1 }, 'demo');
  await coupons.issue({ code: 'THANKS', promotionId: 'thanks' }, 'demo');
  for (const [country, basisPoints] of Object.entries(TAXES))
    await rules.putTaxRate(country, basisPoints, 'demo');
}
