import { accept, type Result, reject } from '@flotilla/kernel';
import type { LookUp } from '../catalogue.ts';
import { isSameOffer, type Quote, type QuoteRequest } from '../domain/quote.ts';
import { makeQuote, type QuoteDeps, type QuoteRejection } from './quote.ts';

export interface ConfirmDeps extends QuoteDeps {
  /** Never of what was kept: this is what will be charged. */
  readonly lookUpNow: LookUp;
}

export interface Confirm extends QuoteRequest {
  readonly customerId: string;
  /** What the customer agreed to; without it the order is priced anew. */
  readonly quoteId?: string;
}

export type ConfirmRejection =
  | QuoteRejection
  | { readonly code: 'quote-unknown' | 'quote-expired' }
  | { readonly code: 'quote-changed'; readonly quote: Quote };

/**
 * The quote that an order is placed on: the one that the customer saw, if it is still what the same order costs now.
 * Else the order is refused, and the new quote is the answer.
 */
export async function confirmQuote(
  deps: ConfirmDeps,
  { customerId, quoteId, ...asked }: Confirm,
  signal: AbortSignal,
): Promise<Result<Quote, ConfirmRejection>> {
  const seen = quoteId === undefined ? undefined : await deps.quotes.find(quoteId, customerId);
  if (quoteId !== undefined && seen === undefined) return reject({ code: 'quote-unknown' });
  if (seen?.isExpired) return reject({ code: 'quote-expired' });
  const { coupon, currency } = seen?.request ?? {};
  const request: QuoteRequest = {
    ...(coupon !== undefined && { coupon }),
    ...(currency !== undefined && { currency }),
    ...asked,
  };
  const now = await makeQuote(deps, deps.lookUpNow, customerId, request, signal);
  if (!now.ok || seen === undefined) return now;
  return isSameOffer(seen, now.value) ? accept(seen) : reject({ code: 'quote-changed', quote: now.value });
}
