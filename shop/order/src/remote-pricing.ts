import { defineRoute, type HttpClient } from '@flotilla/http';
import { accept, reject, type Static } from '@flotilla/kernel';
import * as s from '@flotilla/kernel/schema';
import { confirmQuote, quoteRefusals, quoteSchema, redeemCoupon, releaseCoupon } from '@shop/contracts';
import type { AgreedPrice, Participants } from './participants.ts';

type Quote = Static<typeof quoteSchema>;

/** The pricing service's route with its refusals declared as answers: each has its own consequence here. */
const confirmQuoteOrProblem = defineRoute({
  ...confirmQuote,
  responses: {
    ...confirmQuote.responses,
    409: s.object({
      code: s.oneOf(['quote-changed', 'quote-expired'] as const),
      quote: s.optional(quoteSchema),
    }),
    422: s.object({ code: s.oneOf(quoteRefusals), productIds: s.optional(s.array(s.string())) }),
  },
});

/** Pricing over the network. */
export function pricingOver(
  pricing: HttpClient,
): Pick<Participants, 'agreeOnPrice' | 'redeemCoupon' | 'releaseCoupon'> {
  return {
    agreeOnPrice: async (body, signal) => {
      const answer = await pricing.call(confirmQuoteOrProblem, { body }, { signal, idempotent: true });
      if (answer.status === 200) return accept(toAgreedPrice(answer.body));
      if (answer.status === 409) {
        const { quote } = answer.body;
        return reject(quote ? { code: 'quote-changed', quote } : { code: 'quote-expired' });
      }
      const { code, productIds = [] } = answer.body;
      if (code === 'unknown-product' || code === 'quantity-limit') return reject({ code, productIds });
      return reject({ code });
    },
    redeemCoupon: async (orderId, { customerId, code: coupon, discount }, signal) => {
      const body = { customerId, coupon, discount };
      const answer = await pricing.call(redeemCoupon, { params: { orderId }, body }, { signal });
      const { status, reason = 'coupon-used' } = answer.body;
      return status === 'redeemed' ? { ok: true, result: null } : { ok: false, reason: { code: reason } };
    },
    releaseCoupon: async (orderId, signal) => {
      await pricing.call(releaseCoupon, { params: { orderId } }, { signal });
    },
  };
}

function toAgreedPrice({ id, lines, discounts, shipping, tax, total, coupon }: Quote): AgreedPrice {
  const all = [...lines.flatMap((line) => line.discounts), ...discounts];
  const offByCoupon = all
    .filter(({ code }) => code === coupon)
    .reduce((sum, { amount }) => sum + amount.amountMinor, 0);
  // A coupon that took nothing off is not used up.
  const used = coupon !== undefined && offByCoupon > 0;
  const discount = { amountMinor: offByCoupon, currency: total.currency };
  return {
    lines: lines.map(({ productId, name, quantity, unitPrice }) => ({
      productId,
      name,
      quantity,
      unitPrice,
    })),
    total,
    agreement: {
      ...{ quoteId: id, discounts: all, shipping, tax },
      ...(used && { coupon: { code: coupon, discount } }),
    },
  };
}
