import { canonicalJson } from '@flotilla/kernel';
import type { Evaluation } from './evaluate.ts';

export interface QuotedItem {
  readonly productId: string;
  readonly quantity: number;
}

/** What was asked for. */
export interface QuoteRequest {
  /** Each product once. */
  readonly items: readonly QuotedItem[];
  readonly country: string;
  readonly coupon?: string;
  readonly currency?: string;
}

export interface Quote {
  readonly id: string;
  readonly customerId: string;
  readonly request: QuoteRequest;
  readonly evaluation: Evaluation;
  readonly expiresAt: Date;
}

/** Would somebody who agreed to the one get what they agreed to by the other? The order of lines makes no difference. */
export function isSameOffer(
  one: Pick<Quote, 'request' | 'evaluation'>,
  other: Pick<Quote, 'request' | 'evaluation'>,
): boolean {
  return (
    one.request.country === other.request.country &&
    one.request.coupon === other.request.coupon &&
    canonicalJson(comparable(one.evaluation)) === canonicalJson(comparable(other.evaluation))
  );
}

function comparable({ lines, ...rest }: Evaluation) {
  const sorted = lines
    .map(({ name: _name, ...line }) => line)
    .sort((a, b) => (a.productId < b.productId ? -1 : 1));
  return { ...rest, lines: sorted };
}

/** What the coupon of a quote takes off; undefined when it has none, or none that took anything off. */
export function couponReduction({ request, evaluation }: Pick<Quote, 'request' | 'evaluation'>) {
  const { coupon } = request;
  if (coupon === undefined) return undefined;
  const all = [...evaluation.discounts, ...evaluation.lines.flatMap(({ discounts }) => discounts)];
  const amountMinor = all
    .filter(({ code }) => code === coupon)
    .reduce((total, { amount }) => total + amount.amountMinor, 0);
  return amountMinor === 0
    ? undefined
    : { coupon, discount: { amountMinor, currency: evaluation.total.currency } };
}
