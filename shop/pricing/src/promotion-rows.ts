import { type Result, reject, type Static } from '@flotilla/kernel';
import type { promotionSchema } from '@shop/contracts';
import {
  checkPromotion,
  type Discount,
  type Promotion,
  type PromotionRejection,
} from './domain/promotion.ts';

/** A promotion as it is written: in requests, files and rows alike. */
export type PromotionDefinition = Omit<Static<typeof promotionSchema>, 'id'>;

export interface PromotionRow {
  readonly id: string;
  readonly definition: PromotionDefinition;
}

/** The promotion that a definition describes, or why it describes none. */
export function readPromotion(
  id: string,
  definition: PromotionDefinition,
): Result<Promotion, PromotionRejection | 'members-of-another-kind'> {
  const { name, minimum, group, validFrom, validUntil } = definition;
  const discount = readDiscount(definition.discount);
  if (discount === undefined) return reject('members-of-another-kind');
  return checkPromotion({
    id,
    name,
    discount,
    priority: definition.priority ?? 0,
    exclusive: definition.exclusive ?? false,
    couponOnly: definition.couponOnly ?? false,
    ...(minimum && { minimum }),
    ...(group !== undefined && { group }),
    ...(validFrom !== undefined && { validFrom: new Date(validFrom) }),
    ...(validUntil !== undefined && { validUntil: new Date(validUntil) }),
  });
}

export function toPromotion({ id, definition }: PromotionRow): Promotion {
  const promotion = readPromotion(id, definition);
  if (!promotion.ok) throw new TypeError(`the stored promotion ${id} is not one: ${promotion.rejection}`);
  return promotion.value;
}

export function toDefinition({
  id: _id,
  validFrom,
  validUntil,
  ...promotion
}: Promotion): PromotionDefinition {
  return {
    ...promotion,
    ...(validFrom && { validFrom: validFrom.toISOString() }),
    ...(validUntil && { validUntil: validUntil.toISOString() }),
  };
}

/** `undefined` unless it has the members of its kind and no others: the schema lets each be there or not. */
function readDiscount({ kind, ...given }: PromotionDefinition['discount']): Discount | undefined {
  const { basisPoints, amount, buy, pay, products } = given;
  const members = Object.values(given).filter((value) => value !== undefined).length;
  switch (kind) {
    case 'percentage':
      if (basisPoints === undefined || members > (products ? 2 : 1)) return undefined;
      return { kind, basisPoints, ...(products && { products }) };
    case 'amount':
      return amount && members === 1 ? { kind, amount } : undefined;
    case 'buy-n-pay-m':
      if (buy === undefined || pay === undefined || !products || members > 3) return undefined;
      return { kind, buy, pay, products };
    case 'shipping':
      return members === 0 ? { kind } : undefined;
  }
}
