import { accept, type Money, type NewId, type Result, reject } from '@flotilla/kernel';
import { MAX_QUANTITY } from '@shop/contracts';
import type { LookUp, Product } from '../catalogue.ts';
import type { CouponStore } from '../coupon-store.ts';
import { couponKey, refuseCoupon } from '../domain/coupon.ts';
import { type Coupon, evaluate, type PricedLine } from '../domain/evaluate.ts';
import { couponReduction, type Quote, type QuoteRequest } from '../domain/quote.ts';
import type { Moment, QuoteStore } from '../quote-store.ts';
import type { RulesStore } from '../rules-store.ts';

export interface QuoteDeps {
  readonly rules: RulesStore;
  readonly coupons: CouponStore;
  readonly quotes: QuoteStore;
  readonly newId: NewId;
  readonly quoteTtlMs: number;
}

export type QuoteRejection =
  | {
      readonly code: 'unknown-product' | 'quantity-limit' | 'no-price';
      readonly productIds: readonly string[];
    }
  | { readonly code: 'mixed-currencies' | 'coupon-unknown' | 'coupon-expired' | 'coupon-used' };

/** Prices what somebody wants to order by the rules of now, and keeps it under an id until it expires. */
export async function makeQuote(
  deps: QuoteDeps,
  lookUp: LookUp,
  customerId: string,
  asked: QuoteRequest,
  signal: AbortSignal,
): Promise<Result<Quote, QuoteRejection>> {
  const request = normalize(asked);
  const tooMany = request.items.filter(({ quantity }) => quantity > MAX_QUANTITY);
  if (tooMany.length > 0) return reject({ code: 'quantity-limit', productIds: idsOf(tooMany) });
  const ids = idsOf(request.items);
  const products = await lookUp(ids, signal);
  const moment = await deps.quotes.moment(ids);
  const priced = priceLines(request, products, moment);
  if (!priced.ok) return priced;
  const { lines, currency } = priced.value;

  const coupon = await findCoupon(deps, customerId, request.coupon);
  if (coupon === undefined && request.coupon !== undefined) return reject({ code: 'coupon-unknown' });
  const rules = await deps.rules.rules(moment.rulesVersion);
  const evaluation = evaluate(lines, rules.book, {
    at: moment.at,
    currency,
    coupon: coupon?.named,
    shippingMinor: rules.shippingMinor(request.country, currency),
    taxBasisPoints: rules.taxBasisPoints(request.country),
  });
  const offered = { request, evaluation };
  const discount = couponReduction(offered)?.discount ?? { amountMinor: 0, currency };
  const refused = coupon && refuseCoupon(coupon.terms, coupon.use, discount, moment.at);
  if (refused) return reject({ code: refused });

  const expiresAt = new Date(moment.at.getTime() + deps.quoteTtlMs);
  const quote = { id: deps.newId(), customerId, ...offered, expiresAt };
  await deps.quotes.save(quote);
  return accept(quote);
}

/** Lines of one product are one line, and the coupon has one way to be written. */
function normalize({ items, coupon, ...rest }: QuoteRequest): QuoteRequest {
  const quantities = new Map<string, number>();
  for (const { productId, quantity } of items)
    quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
  const merged = [...quantities].map(([productId, quantity]) => ({ productId, quantity }));
  return { ...rest, items: merged, ...(coupon !== undefined && { coupon: couponKey(coupon) }) };
}

async function findCoupon({ coupons }: QuoteDeps, customerId: string, code: string | undefined) {
  const found = code === undefined ? undefined : await coupons.find(code, customerId);
  if (found === undefined) return undefined;
  const named: Coupon = { code: found.terms.code, promotionId: found.terms.promotionId };
  return { ...found, named };
}

/** By the price list where it has the product in the currency, else by the catalogue. */
function priceLines(
  { items, currency: wished }: QuoteRequest,
  products: readonly Product[],
  { prices }: Moment,
): Result<{ readonly lines: readonly PricedLine[]; readonly currency: string }, QuoteRejection> {
  const productOf = new Map(products.map((product) => [product.id, product]));
  const unknown = idsOf(items).filter((id) => !productOf.has(id));
  if (unknown.length > 0) return reject({ code: 'unknown-product', productIds: unknown });

  const listed = new Map(prices.map(({ productId, price }) => [`${productId} ${price.currency}`, price]));
  const priceOf = ({ id, price }: Product): Money | undefined => {
    const currency = wished ?? price.currency;
    return listed.get(`${id} ${currency}`) ?? (price.currency === currency ? price : undefined);
  };
  const lines: PricedLine[] = [];
  const unpriced: string[] = [];
  for (const { productId, quantity } of items) {
    const product = productOf.get(productId);
    const unitPrice = product && priceOf(product);
    if (product && unitPrice) lines.push({ productId, name: product.name, quantity, unitPrice });
    else unpriced.push(productId);
  }
  if (unpriced.length > 0) return reject({ code: 'no-price', productIds: unpriced });
  const [currency, ...others] = new Set(lines.map(({ unitPrice }) => unitPrice.currency));
  if (currency === undefined || others.length > 0) return reject({ code: 'mixed-currencies' });
  return accept({ lines, currency });
}

function idsOf(items: readonly { readonly productId: string }[]): readonly string[] {
  return items.map(({ productId }) => productId);
}
