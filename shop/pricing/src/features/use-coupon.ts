import { crashPoint } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { CouponStore, Redemption, RedemptionAnswer } from '../coupon-store.ts';

export interface UseCouponDeps {
  readonly db: Database;
  readonly coupons: CouponStore;
}

/** Uses a coupon for an order. Asked again, also after a crash on either side of the commit, it answers the same. */
export async function redeemCoupon(
  { db, coupons }: UseCouponDeps,
  redemption: Redemption,
): Promise<RedemptionAnswer> {
  crashPoint('pricing.before-redeem-commit');
  const answer = await db.transaction((tx) => coupons.redeem(tx, redemption));
  crashPoint('pricing.after-redeem-commit');
  return answer;
}

/** Gives the use of an order back, if it has one, and refuses one that arrives later. */
export async function releaseCoupon({ db, coupons }: UseCouponDeps, orderId: string): Promise<void> {
  crashPoint('pricing.before-release-commit');
  await db.transaction((tx) => coupons.release(tx, orderId));
  crashPoint('pricing.after-release-commit');
}
