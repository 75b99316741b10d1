import { accept, type Money, type Result, reject } from '@flotilla/kernel';

/**
 * What a promotion takes off. With products it concerns each of their lines, without it the whole order; of shipping it
 * takes everything.
 */
export type Discount =
  | { readonly kind: 'percentage'; readonly basisPoints: number; readonly products?: readonly string[] }
  | { readonly kind: 'amount'; readonly amount: Money }
  | {
      readonly kind: 'buy-n-pay-m';
      readonly buy: number;
      readonly pay: number;
      readonly products: readonly string[];
    }
  | { readonly kind: 'shipping' };

export interface Promotion {
  readonly id: string;
  readonly name: string;
  readonly discount: Discount;
  /** The goods must cost so much, after the discounts of their lines. For discounts of the whole order. */
  readonly minimum?: Money;
  /** Higher ones come first; equal ones in the order of their ids. */
  readonly priority: number;
  /** Nothing that comes later applies to what it has discounted: a line, or the order. */
  readonly exclusive: boolean;
  /** Of promotions of one group only the first applies, to each line and to the order. */
  readonly group?: string;
  /** Applies to orders with a coupon of it alone. */
  readonly couponOnly: boolean;
  readonly validFrom?: Date;
  /** Not valid any more from then on. */
  readonly validUntil?: Date;
}

export type PromotionRejection = 'pays-for-more-than-bought' | 'minimum-on-lines' | 'ends-before-it-begins';

/** The rules that the schema of a promotion cannot say. */
export function checkPromotion(promotion: Promotion): Result<Promotion, PromotionRejection> {
  const { discount, minimum, validFrom, validUntil } = promotion;
  if (discount.kind === 'buy-n-pay-m' && discount.pay >= discount.buy)
    return reject('pays-for-more-than-bought');
  if (minimum && isOfLines(discount)) return reject('minimum-on-lines');
  if (validFrom && validUntil && validUntil <= validFrom) return reject('ends-before-it-begins');
  return accept(promotion);
}

export function isValidAt({ validFrom, validUntil }: Promotion, at: Date): boolean {
  return (validFrom === undefined || validFrom <= at) && (validUntil === undefined || at < validUntil);
}

export function isOfLines(discount: Discount): boolean {
  return productsOf(discount).length > 0;
}

/** The products whose lines it concerns; none when it concerns the order. */
export function productsOf(discount: Discount): readonly string[] {
  return 'products' in discount ? (discount.products ?? []) : [];
}
