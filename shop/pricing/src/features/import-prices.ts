import { accept, createValidator, type Result, reject, type Static } from '@flotilla/kernel';
import * as s from '@flotilla/kernel/schema';
import {
  listPriceBody,
  newCouponSchema,
  productId,
  promotionSchema,
  shippingRate,
  taxRate,
} from '@shop/contracts';
import type { CouponStore } from '../coupon-store.ts';
import { couponKey } from '../domain/coupon.ts';
import type { Promotion } from '../domain/promotion.ts';
import { readPromotion } from '../promotion-rows.ts';
import type { RulesStore } from '../rules-store.ts';

/** What an operator imports: each part may be left out. */
const priceFile = s.object({
  promotions: s.optional(s.array(promotionSchema)),
  coupons: s.optional(s.array(newCouponSchema)),
  prices: s.optional(s.array(s.object({ productId, ...listPriceBody }))),
  taxes: s.optional(s.array(taxRate)),
  shipping: s.optional(s.array(shippingRate)),
});

export interface PriceFile extends Omit<Static<typeof priceFile>, 'promotions'> {
  readonly promotions: readonly Promotion[];
}

const validate = createValidator(priceFile);

/** The prices of a JSON file, or everything that is wrong with it, a line each. */
export function readPrices(text: string): Result<PriceFile, readonly string[]> {
  const parsed = parse(text.replace(/^\uFEFF/, ''));
  if (!parsed.ok) return parsed;
  const checked = validate(parsed.value);
  if (!checked.ok) return reject(checked.rejection.map(({ path, message }) => `${path} ${message}`));
  const promotions: Promotion[] = [];
  const problems: string[] = [];
  for (const [index, { id, ...definition }] of (checked.value.promotions ?? []).entries()) {
    const read = readPromotion(id, definition);
    if (read.ok) promotions.push(read.value);
    else problems.push(`/promotions/${index} is not a promotion: ${read.rejection}`);
  }
  for (const [index, { validFrom, validUntil }] of (checked.value.prices ?? []).entries())
    if (
      validFrom !== undefined &&
      validUntil !== undefined &&
      Date.parse(validUntil) <= Date.parse(validFrom)
    )
      problems.push(`/prices/${index} ends before it begins`);
  return problems.length > 0 ? reject(problems) : accept({ ...checked.value, promotions });
}

function parse(text: string): Result<unknown, readonly string[]> {
  try {
    return accept(JSON.parse(text));
  } catch (error) {
    return reject([`is not JSON: ${(error as Error).message}`]);
  }
}

export interface Imported {
  readonly promotions: number;
  readonly prices: number;
  readonly coupons: number;
  /** Coupons that were there: they stay as they are, with what has been used of them. */
  readonly known: readonly string[];
  /** Coupons of promotions that are not there. */
  readonly orphans: readonly string[];
}

/** Sets all of it, one after the other; what is set again stays the same, so an import that was cut off is repeated. */
export async function importPrices(
  { rules, coupons }: { readonly rules: RulesStore; readonly coupons: CouponStore },
  file: PriceFile,
): Promise<Imported> {
  const actor = 'import-prices';
  for (const promotion of file.promotions)
    if (!(await rules.addPromotion(promotion, actor))) await rules.changePromotion(promotion, actor);
  for (const { validFrom, validUntil, ...price } of file.prices ?? [])
    await rules.putListPrice(
      { ...price, validFrom: toDate(validFrom), validUntil: toDate(validUntil) },
      actor,
    );
  for (const { country, basisPoints } of file.taxes ?? [])
    await rules.putTaxRate(country, basisPoints, actor);
  for (const { country, price } of file.shipping ?? []) await rules.putShippingRate(country, price, actor);
  const issued = { exists: [] as string[], 'no-promotion': [] as string[], added: [] as string[] };
  for (const { code, validUntil, ...rest } of file.coupons ?? []) {
    const ends = toDate(validUntil);
    const terms = { ...rest, code: couponKey(code), ...(ends && { validUntil: ends }) };
    issued[await coupons.issue(terms, actor)].push(code);
  }
  return {
    promotions: file.promotions.length,
    prices: file.prices?.length ?? 0,
    coupons: issued.added.length,
    known: issued.exists,
    orphans: issued['no-promotion'],
  };
}

function toDate(time: string | undefined): Date | undefined {
  return time === undefined ? undefined : new Date(time);
}
