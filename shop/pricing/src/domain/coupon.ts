import type { Money } from '@flotilla/kernel';

/** What a coupon is good for. */
export interface CouponTerms {
  readonly code: string;
  readonly promotionId: string;
  /** In all; without a number any. */
  readonly uses?: number;
  readonly usesPerCustomer?: number;
  /** What its reductions may add up to. */
  readonly budget?: Money;
  readonly validUntil?: Date;
}

/** How far a coupon has been used. */
export interface CouponUse {
  readonly used: number;
  readonly usedByCustomer: number;
  readonly spentMinor: number;
}

export type CouponRefusal = 'coupon-expired' | 'coupon-used';

/** Why it cannot be used once more, for a reduction of so much. */
export function refuseCoupon(
  terms: CouponTerms,
  use: CouponUse,
  reduction: Money,
  at: Date,
): CouponRefusal | undefined {
  const { uses, usesPerCustomer, budget, validUntil } = terms;
  if (validUntil !== undefined && validUntil <= at) return 'coupon-expired';
  if (uses !== undefined && use.used >= uses) return 'coupon-used';
  if (usesPerCustomer !== undefined && use.usedByCustomer >= usesPerCustomer) return 'coupon-used';
  if (budget === undefined) return undefined;
  const isWithin =
    budget.currency === reduction.currency && use.spentMinor + reduction.amountMinor <= budget.amountMinor;
  return isWithin ? undefined : 'coupon-used';
}

/** Upper and lower case are the same coupon. */
export function couponKey(code: string): string {
  return code.toUpperCase();
}
