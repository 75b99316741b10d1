import { type Money, money } from '@flotilla/kernel';
import { isValidAt, type Promotion } from './promotion.ts';
import type { PromotionBook } from './promotion-book.ts';
import { shareOf, taxWithin } from './share.ts';

/** One product of a quote at its list price. */
export interface PricedLine {
  readonly productId: string;
  readonly name: string;
  readonly quantity: number;
  readonly unitPrice: Money;
}

/** A discount and its reason. `code` is the coupon's where one was needed, else the promotion's id. */
export interface Reduction {
  readonly code: string;
  readonly name: string;
  readonly amount: Money;
}

export interface EvaluatedLine extends PricedLine {
  readonly discounts: readonly Reduction[];
  readonly total: Money;
}

/** `total` is the lines' totals less `discounts`, plus `shipping`; `tax` is what it contains. */
export interface Evaluation {
  readonly lines: readonly EvaluatedLine[];
  /** Of the whole order, and of its shipping. */
  readonly discounts: readonly Reduction[];
  readonly shipping: Money;
  readonly tax: Money;
  readonly total: Money;
}

export interface Coupon {
  readonly code: string;
  readonly promotionId: string;
}

export interface Circumstances {
  readonly at: Date;
  /** What the goods are sold in; all lines are. */
  readonly currency: string;
  readonly coupon?: Coupon | undefined;
  readonly shippingMinor: number;
  readonly taxBasisPoints: number;
}

interface OpenLine {
  readonly line: PricedLine;
  discounts: Reduction[];
  leftMinor: number;
  /** An exclusive promotion has discounted it. */
  isClosed: boolean;
}

/**
 * What an order costs, with a reason for each reduction. Pure: the same lines in another order cost the same. First the
 * lines are discounted, each by itself, then the order as a whole; nothing ever costs less than nothing.
 */
export function evaluate(
  lines: readonly PricedLine[],
  book: PromotionBook,
  circumstances: Circumstances,
): Evaluation {
  const { currency, shippingMinor, taxBasisPoints } = circumstances;
  const opened = lines.map((line) => discountLine(line, book, circumstances));
  const discounts = discountOrder(opened, book, circumstances);
  const goodsMinor = sum(opened.map(({ leftMinor }) => leftMinor));
  const offMinor = sum(discounts.map(({ amount }) => amount.amountMinor));
  const totalMinor = goodsMinor - offMinor + shippingMinor;
  return {
    lines: opened.map(({ line, discounts: ofLine, leftMinor }) => ({
      ...line,
      discounts: ofLine,
      total: money(leftMinor, currency),
    })),
    discounts,
    shipping: money(shippingMinor, currency),
    tax: money(taxWithin(totalMinor, taxBasisPoints), currency),
    total: money(totalMinor, currency),
  };
}

function discountLine(line: PricedLine, book: PromotionBook, circumstances: Circumstances): OpenLine {
  const open: OpenLine = {
    line,
    discounts: [],
    leftMinor: line.unitPrice.amountMinor * line.quantity,
    isClosed: false,
  };
  const used = new Set<string>();
  for (const promotion of book.byProduct.get(line.productId) ?? []) {
    if (open.isClosed) break;
    if (!applies(promotion, used, circumstances)) continue;
    const offMinor = Math.min(open.leftMinor, offLine(promotion, line, open.leftMinor));
    if (offMinor === 0) continue;
    open.leftMinor -= offMinor;
    open.discounts.push(reduction(promotion, offMinor, circumstances));
    open.isClosed = promotion.exclusive;
    if (promotion.group !== undefined) used.add(promotion.group);
  }
  return open;
}

function discountOrder(
  lines: readonly OpenLine[],
  book: PromotionBook,
  circumstances: Circumstances,
): readonly Reduction[] {
  const { currency } = circumstances;
  const goodsMinor = sum(lines.map(({ leftMinor }) => leftMinor));
  let leftMinor = sum(lines.filter(({ isClosed }) => !isClosed).map((line) => line.leftMinor));
  let shippingMinor = circumstances.shippingMinor;
  const discounts: Reduction[] = [];
  const used = new Set<string>();
  for (const promotion of book.ofOrders) {
    if (!applies(promotion, used, circumstances)) continue;
    if (!reaches(promotion.minimum, goodsMinor, currency)) continue;
    const isOfShipping = promotion.discount.kind === 'shipping';
    const offMinor = isOfShipping ? shippingMinor : offOrder(promotion, leftMinor, currency);
    if (offMinor === 0) continue;
    if (isOfShipping) shippingMinor = 0;
    else leftMinor -= offMinor;
    discounts.push(reduction(promotion, offMinor, circumstances));
    if (promotion.group !== undefined) used.add(promotion.group);
    if (promotion.exclusive) break;
  }
  return discounts;
}

function applies(
  promotion: Promotion,
  usedGroups: ReadonlySet<string>,
  { at, coupon }: Circumstances,
): boolean {
  if (promotion.couponOnly && coupon?.promotionId !== promotion.id) return false;
  if (promotion.group !== undefined && usedGroups.has(promotion.group)) return false;
  return isValidAt(promotion, at);
}

function offLine({ discount }: Promotion, { quantity, unitPrice }: PricedLine, leftMinor: number): number {
  if (discount.kind === 'percentage') return shareOf(leftMinor, discount.basisPoints);
  if (discount.kind !== 'buy-n-pay-m') return 0;
  const free = Math.floor(quantity / discount.buy) * (discount.buy - discount.pay);
  return free * unitPrice.amountMinor;
}

function offOrder({ discount }: Promotion, leftMinor: number, currency: string): number {
  if (discount.kind === 'percentage') return shareOf(leftMinor, discount.basisPoints);
  if (discount.kind !== 'amount' || discount.amount.currency !== currency) return 0;
  return Math.min(leftMinor, discount.amount.amountMinor);
}

function reaches(minimum: Money | undefined, goodsMinor: number, currency: string): boolean {
  return minimum === undefined || (minimum.currency === currency && goodsMinor >= minimum.amountMinor);
}

function reduction(
  { id, name }: Promotion,
  amountMinor: number,
  { coupon, currency }: Circumstances,
): Reduction {
  const code = coupon?.promotionId === id ? coupon.code : id;
  return { code, name, amount: money(amountMinor, currency) };
}

function sum(amounts: readonly number[]): number {
  return amounts.reduce((total, amount) => total + amount, 0);
}
