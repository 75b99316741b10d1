import { authenticated } from '@flotilla/auth';
import { defineRoute } from '@flotilla/http';
import * as s from '@flotilla/kernel/schema';
import { defineMessage } from '@flotilla/messaging';
import { adminOnly, canPrice } from './access.ts';
import {
  country,
  couponCode,
  moneySchema,
  ONE_LINE,
  orderId,
  pageOf,
  pageQuery,
  productId,
  quantity,
  quoteId,
  reductionSchema,
  timestamp,
} from './common.ts';

const slug = s.string({
  minLength: 1,
  maxLength: 64,
  pattern: '^[A-Za-z0-9_-]+$',
  examples: ['three-for-two'],
});
const currency = s.string({ pattern: '^[A-Z]{3}$', examples: ['EUR'] });
const label = s.string({ minLength: 1, maxLength: 200, pattern: ONE_LINE, examples: ['Three for two'] });

/** More different products than in any order. */
const MAX_LINES = 50;

const items = s.array(s.object({ productId, quantity }), { minItems: 1, maxItems: MAX_LINES });

const reductions = s.array(reductionSchema);

export const quoteSchema = s.named(
  'Quote',
  s.object({
    id: quoteId,
    country,
    coupon: s.optional(couponCode),
    lines: s.array(
      s.named(
        'QuoteLine',
        s.object({
          productId,
          name: s.string({ examples: ['Trail jacket'] }),
          quantity,
          unitPrice: moneySchema,
          discounts: reductions,
          total: moneySchema,
        }),
      ),
    ),
    discounts: reductions,
    shipping: moneySchema,
    tax: moneySchema,
    total: moneySchema,
    expiresAt: timestamp,
  }),
);

const QUOTE_REFUSALS = [
  'unknown-product',
  'mixed-currencies',
  'quantity-limit',
  'no-price',
  'coupon-unknown',
  'coupon-expired',
  'coupon-used',
] as const;
export const quoteRefusals = ['quote-unknown', ...QUOTE_REFUSALS] as const;

export const createQuote = defineRoute({
  operationId: 'createQuote',
  method: 'POST',
  path: '/quotes',
  summary: 'What an order would cost, line by line, and until when that holds',
  access: authenticated,
  body: s.object({
    items,
    country,
    coupon: s.optional(couponCode),
    currency: s.optional({ ...currency, description: 'Default: what the products are listed in.' }),
  }),
  responses: { 201: quoteSchema },
  responseHeaders: { 201: s.object({ Location: s.string({ format: 'uri-reference' }) }) },
  problems: { 422: { codes: QUOTE_REFUSALS } },
});

export const getQuote = defineRoute({
  operationId: 'getQuote',
  method: 'GET',
  path: '/quotes/:id',
  summary: 'A quote of the caller, also when it has expired',
  access: authenticated,
  params: s.object({ id: quoteId }),
  responses: { 200: quoteSchema },
  problems: { 404: { codes: ['quote-not-found'] } },
});

const basisPoints = s.integer({
  minimum: 1,
  maximum: 10_000,
  description: '1000 is 10 %.',
  examples: [1_000],
});
const products = s.array(productId, { minItems: 1, maxItems: 10_000 });

const promotionBody = {
  name: label,
  discount: s.object({
    kind: s.oneOf(['percentage', 'amount', 'buy-n-pay-m', 'shipping'] as const, { examples: ['shipping'] }),
    basisPoints: s.optional(basisPoints),
    amount: s.optional(moneySchema),
    buy: s.optional(s.integer({ minimum: 2, maximum: 1_000, examples: [3] })),
    pay: s.optional(s.integer({ minimum: 0, maximum: 999, examples: [2] })),
    products: s.optional(products),
  }),
  minimum: s.optional(moneySchema),
  priority: s.optional(
    s.integer({ minimum: -1_000, maximum: 1_000, description: 'Higher ones come first. Default 0.' }),
  ),
  exclusive: s.optional(
    s.boolean({ description: 'Nothing that comes later applies to what it has discounted. Default false.' }),
  ),
  group: s.optional(slug),
  couponOnly: s.optional(s.boolean({ description: 'For orders with a coupon of it alone. Default false.' })),
  validFrom: s.optional(timestamp),
  validUntil: s.optional(timestamp),
};

export const promotionSchema = s.named('Promotion', s.object({ id: slug, ...promotionBody }));

const byId = s.object({ id: slug });
const INVALID_PROMOTION = { codes: ['promotion-invalid'] };
const NO_PROMOTION = { codes: ['promotion-not-found'] };

export const listPromotions = defineRoute({
  operationId: 'listPromotions',
  method: 'GET',
  path: '/promotions',
  summary: 'All promotions',
  access: adminOnly,
  query: s.object(pageQuery),
  responses: { 200: pageOf('PromotionPage', promotionSchema) },
  problems: { 400: { codes: ['invalid-cursor'] } },
});

export const createPromotion = defineRoute({
  operationId: 'createPromotion',
  method: 'POST',
  path: '/promotions',
  summary: 'Begin a promotion',
  access: adminOnly,
  body: promotionSchema,
  responses: { 201: promotionSchema },
  problems: { 409: { codes: ['promotion-exists'] }, 422: INVALID_PROMOTION },
});

export const putPromotion = defineRoute({
  operationId: 'putPromotion',
  method: 'PUT',
  path: '/promotions/:id',
  summary: 'Change a promotion; orders that were placed stay as they are',
  access: adminOnly,
  params: byId,
  body: s.named('PromotionChange', s.object(promotionBody)),
  responses: { 200: promotionSchema },
  problems: { 404: NO_PROMOTION, 422: INVALID_PROMOTION },
});

export const deletePromotion = defineRoute({
  operationId: 'deletePromotion',
  method: 'DELETE',
  path: '/promotions/:id',
  summary: 'End a promotion that has no coupons',
  access: adminOnly,
  params: byId,
  responses: { 204: null },
  problems: { 404: NO_PROMOTION, 409: { codes: ['promotion-has-coupons'] } },
});

const couponBody = {
  code: couponCode,
  promotionId: slug,
  uses: s.optional(
    s.integer({ minimum: 1, maximum: 1_000_000_000, description: 'In all. Default: any number.' }),
  ),
  usesPerCustomer: s.optional(s.integer({ minimum: 1, maximum: 1_000, description: 'Default: any number.' })),
  budget: s.optional(moneySchema),
  validUntil: s.optional(timestamp),
};

export const couponSchema = s.named(
  'Coupon',
  s.object({ ...couponBody, used: s.integer(), spent: s.optional(moneySchema) }),
);

export const newCouponSchema = s.named('NewCoupon', s.object(couponBody));

export const createCoupon = defineRoute({
  operationId: 'createCoupon',
  method: 'POST',
  path: '/coupons',
  summary: 'Issue a coupon of a promotion',
  access: adminOnly,
  body: newCouponSchema,
  responses: { 201: couponSchema },
  problems: { 404: NO_PROMOTION, 409: { codes: ['coupon-exists'] } },
});

export const getCoupon = defineRoute({
  operationId: 'getCoupon',
  method: 'GET',
  path: '/coupons/:code',
  summary: 'A coupon, and how often it was used',
  access: adminOnly,
  params: s.object({ code: couponCode }),
  responses: { 200: couponSchema },
  problems: { 404: { codes: ['coupon-unknown'] } },
});

export const listPriceSchema = s.named(
  'ListPrice',
  s.object({ productId, price: moneySchema, validFrom: timestamp, validUntil: s.nullable(timestamp) }),
);

export const listPriceBody = {
  price: moneySchema,
  validFrom: s.optional({ ...timestamp, description: 'Default: now.' }),
  validUntil: s.optional(timestamp),
};

/** Set by operators, as files say them. */
export const taxRate = s.object({ country, basisPoints: s.integer({ minimum: 0, maximum: 10_000 }) });
export const shippingRate = s.object({ country, price: moneySchema });

export const putListPrice = defineRoute({
  operationId: 'putListPrice',
  method: 'PUT',
  path: '/prices/:productId',
  summary: "Set a product's price in a currency, from a time on; it takes the place of the catalogue's",
  access: adminOnly,
  params: s.object({ productId }),
  body: s.object(listPriceBody),
  responses: { 200: listPriceSchema },
  problems: { 422: { codes: ['ends-before-it-begins'] } },
});

export const getListPrices = defineRoute({
  operationId: 'getListPrices',
  method: 'GET',
  path: '/prices/:productId',
  summary: "A product's price list: what was, is and will be",
  access: adminOnly,
  params: s.object({ productId }),
  responses: { 200: s.object({ items: s.array(listPriceSchema) }) },
});

/** Prices an order on its quote, or anew. What was agreed to is charged, or the new quote is the answer. */
export const confirmQuote = defineRoute({
  operationId: 'confirmQuote',
  method: 'POST',
  path: '/internal/quotes/confirm',
  summary: 'The quote that an order is placed on. Not routed by the gateway',
  access: canPrice,
  body: s.object({
    customerId: s.string(),
    items,
    country,
    quoteId: s.optional(quoteId),
    coupon: s.optional(couponCode),
  }),
  responses: { 200: quoteSchema },
  problems: {
    409: {
      codes: ['quote-changed', 'quote-expired'],
      members: s.named('QuoteConflict', s.object({ quote: s.optional(quoteSchema) })),
    },
    422: { codes: quoteRefusals },
  },
});

const redemption = {
  customerId: s.string(),
  coupon: couponCode,
  discount: moneySchema,
};

/** Idempotent by order: the first answer stays, whatever happens to the coupon. */
export const redeemCoupon = defineRoute({
  operationId: 'redeemCoupon',
  method: 'PUT',
  path: '/internal/redemptions/:orderId',
  summary: 'Use a coupon for an order',
  access: canPrice,
  params: s.object({ orderId }),
  body: s.object(redemption),
  responses: {
    200: s.object({
      status: s.oneOf(['redeemed', 'refused'] as const),
      reason: s.optional(s.string({ description: 'coupon-used, coupon-expired, …' })),
    }),
  },
});

/** Gives a use back and refuses one that arrives later. Idempotent, also for an unknown order. */
export const releaseCoupon = defineRoute({
  operationId: 'releaseCoupon',
  method: 'DELETE',
  path: '/internal/redemptions/:orderId',
  summary: 'Give the coupon of a cancelled order back',
  access: canPrice,
  params: s.object({ orderId }),
  responses: { 204: null },
});

const ofOrder = s.object({ orderId });

export const couponRedeemed = defineMessage({
  type: 'pricing.coupon-redeemed.v1',
  description: 'The coupon of an order has been used for it.',
  key: (coupon) => coupon.orderId,
  schema: ofOrder,
});

export const couponRefused = defineMessage({
  type: 'pricing.coupon-refused.v1',
  description: 'The coupon of an order could not be used any more.',
  key: (coupon) => coupon.orderId,
  schema: s.object({ orderId, reason: s.string({ description: 'coupon-used, coupon-expired, …' }) }),
});

export const couponReleased = defineMessage({
  type: 'pricing.coupon-released.v1',
  description: 'A cancelled order uses no coupon, and can never use one again.',
  key: (coupon) => coupon.orderId,
  schema: ofOrder,
});
