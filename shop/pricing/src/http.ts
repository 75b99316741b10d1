import {
  created,
  handle,
  noContent,
  ok,
  type ProblemReply,
  problem,
  type RouteHandler,
} from '@flotilla/http';
import type { Static } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import * as contract from '@shop/contracts';
import type { LookUp } from './catalogue.ts';
import type { UsedCoupon } from './coupon-store.ts';
import { couponKey } from './domain/coupon.ts';
import type { Promotion } from './domain/promotion.ts';
import type { Quote } from './domain/quote.ts';
import { type ConfirmDeps, confirmQuote } from './features/confirm-quote.ts';
import { makeQuote, type QuoteRejection } from './features/quote.ts';
import { redeemCoupon, releaseCoupon } from './features/use-coupon.ts';
import { readPromotion, toDefinition } from './promotion-rows.ts';
import type { ListPrice, RulesStore } from './rules-store.ts';

export interface PricingRoutes extends ConfirmDeps {
  readonly db: Database;
  readonly lookUp: LookUp;
}

/** The routes of the pricing service, and which status each outcome has. */
export function pricingRoutes(deps: PricingRoutes): readonly RouteHandler[] {
  return [...quoteRoutes(deps), ...promotionRoutes(deps.rules), ...couponRoutes(deps), ...orderRoutes(deps)];
}

function quoteRoutes(deps: PricingRoutes): readonly RouteHandler[] {
  return [
    handle(contract.createQuote, async ({ body, principal, signal }) => {
      const made = await makeQuote(deps, deps.lookUp, principal.subject, body, signal);
      if (!made.ok) return refuseQuote(made.rejection);
      return created(showQuote(made.value), { location: `/quotes/${made.value.id}` });
    }),
    handle(contract.getQuote, async ({ params, principal }) => {
      const quote = await deps.quotes.find(params.id, principal.subject);
      return quote ? ok(showQuote(quote)) : problem(404, 'quote-not-found', 'You have no such quote.');
    }),
  ];
}

const NO_PROMOTION = problem(404, 'promotion-not-found', 'There is no such promotion.');
const PAGE = 50;

function promotionRoutes(rules: RulesStore): readonly RouteHandler[] {
  return [
    handle(contract.listPromotions, async ({ query: { limit = PAGE, cursor = '' } }) => {
      const afterId = Buffer.from(cursor, 'base64url').toString();
      if (!/^[A-Za-z0-9_-]{0,64}$/.test(afterId))
        return problem(400, 'invalid-cursor', 'This is not a cursor of this list.');
      const found = await rules.promotions(afterId, limit + 1);
      const items = found.slice(0, limit);
      const last = items.at(-1)?.id ?? '';
      const next = found.length > limit ? Buffer.from(last).toString('base64url') : null;
      return ok({ items: items.map(showPromotion), next });
    }),
    handle(contract.createPromotion, async ({ body: { id, ...definition }, principal }) => {
      const read = readPromotion(id, definition);
      if (!read.ok) return refusePromotion(read.rejection);
      const added = await rules.addPromotion(read.value, principal.subject);
      return added
        ? created(showPromotion(read.value))
        : problem(409, 'promotion-exists', 'There is a promotion of this id.');
    }),
    handle(contract.putPromotion, async ({ params, body, principal }) => {
      const read = readPromotion(params.id, body);
      if (!read.ok) return refusePromotion(read.rejection);
      const changed = await rules.changePromotion(read.value, principal.subject);
      return changed ? ok(showPromotion(read.value)) : NO_PROMOTION;
    }),
    handle(contract.deletePromotion, async ({ params, principal }) => {
      const outcome = await rules.removePromotion(params.id, principal.subject);
      if (outcome === 'removed') return noContent();
      if (outcome === 'unknown') return NO_PROMOTION;
      return problem(409, 'promotion-has-coupons', 'Coupons of it are in circulation: let it end instead.');
    }),
    handle(contract.putListPrice, async ({ params, body, principal }) => {
      const [validFrom, validUntil] = [toDate(body.validFrom), toDate(body.validUntil)];
      if (validUntil && validUntil <= (validFrom ?? new Date(0)))
        return problem(422, 'ends-before-it-begins', 'A price ends after it begins.');
      const change = { productId: params.productId, price: body.price, validFrom, validUntil };
      return ok(showListPrice(await rules.putListPrice(change, principal.subject)));
    }),
    handle(contract.getListPrices, async ({ params }) => {
      const items = await rules.listPrices(params.productId);
      return ok({ items: items.map(showListPrice) });
    }),
  ];
}

function couponRoutes({ coupons }: PricingRoutes): readonly RouteHandler[] {
  return [
    handle(contract.createCoupon, async ({ body, principal }) => {
      const { code, validUntil, ...rest } = body;
      const ends = toDate(validUntil);
      const terms = { ...rest, code: couponKey(code), ...(ends && { validUntil: ends }) };
      const outcome = await coupons.issue(terms, principal.subject);
      if (outcome === 'no-promotion') return NO_PROMOTION;
      if (outcome === 'exists') return problem(409, 'coupon-exists', 'There is a coupon of this code.');
      return created(showCoupon({ terms, use: { used: 0, usedByCustomer: 0, spentMinor: 0 } }));
    }),
    handle(contract.getCoupon, async ({ params, principal }) => {
      const found = await coupons.find(couponKey(params.code), principal.subject);
      return found ? ok(showCoupon(found)) : problem(404, 'coupon-unknown', 'There is no such coupon.');
    }),
  ];
}

/** What the order service asks. */
function orderRoutes(deps: PricingRoutes): readonly RouteHandler[] {
  return [
    handle(contract.confirmQuote, async ({ body, signal }) => {
      const confirmed = await confirmQuote(deps, body, signal);
      if (confirmed.ok) return ok(showQuote(confirmed.value));
      const { rejection } = confirmed;
      switch (rejection.code) {
        case 'quote-unknown':
          return problem(422, rejection.code, 'There is no such quote of this customer.');
        case 'quote-expired':
          return problem(409, rejection.code, 'The quote has expired: ask for a new one.');
        case 'quote-changed':
          return problem(409, rejection.code, 'The order costs something else now.', {
            quote: showQuote(rejection.quote),
          });
        default:
          return refuseQuote(rejection);
      }
    }),
    handle(contract.redeemCoupon, async ({ params: { orderId }, body }) => {
      const redemption = { ...body, orderId, coupon: couponKey(body.coupon) };
      return ok(await redeemCoupon(deps, redemption));
    }),
    handle(contract.releaseCoupon, async ({ params: { orderId } }) => {
      await releaseCoupon(deps, orderId);
      return noContent();
    }),
  ];
}

const REFUSALS: Readonly<Record<QuoteRejection['code'], string>> = {
  'unknown-product': 'There is no such product.',
  'quantity-limit': `One order holds ${contract.MAX_QUANTITY} of a product at most.`,
  'no-price': 'A product is not sold in this currency.',
  'mixed-currencies': 'The products are sold in different currencies.',
  'coupon-unknown': 'There is no such coupon.',
  'coupon-expired': 'The coupon has expired.',
  'coupon-used': 'The coupon has been used.',
};

function refuseQuote({ code, ...facts }: QuoteRejection): ProblemReply {
  return problem(422, code, REFUSALS[code], facts);
}

const INVALID = {
  'members-of-another-kind': 'The discount has not the members that its kind needs, or others.',
  'pays-for-more-than-bought': 'Fewer are paid for than are bought.',
  'minimum-on-lines': 'A minimum is for discounts of the whole order, not for those of products.',
  'ends-before-it-begins': 'A promotion ends after it begins.',
} as const;

function refusePromotion(reason: keyof typeof INVALID): ProblemReply {
  return problem(422, 'promotion-invalid', INVALID[reason], { reason });
}

function showQuote({ id, request, evaluation, expiresAt }: Quote): Static<typeof contract.quoteSchema> {
  const { country, coupon } = request;
  const asked = { country, ...(coupon !== undefined && { coupon }) };
  return { id, ...asked, ...evaluation, expiresAt: expiresAt.toISOString() };
}

function showPromotion(promotion: Promotion): Static<typeof contract.promotionSchema> {
  return { id: promotion.id, ...toDefinition(promotion) };
}

function showListPrice({
  validFrom,
  validUntil,
  ...price
}: ListPrice): Static<typeof contract.listPriceSchema> {
  return { ...price, validFrom: validFrom.toISOString(), validUntil: validUntil?.toISOString() ?? null };
}

function showCoupon({ terms, use }: UsedCoupon): Static<typeof contract.couponSchema> {
  const { validUntil, budget, ...rest } = terms;
  return {
    ...rest,
    ...(budget && { budget, spent: { ...budget, amountMinor: use.spentMinor } }),
    ...(validUntil && { validUntil: validUntil.toISOString() }),
    used: use.used,
  };
}

function toDate(time: string | undefined): Date | undefined {
  return time === undefined ? undefined : new Date(time);
}
