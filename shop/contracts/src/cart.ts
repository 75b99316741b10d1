import { authenticated } from '@flotilla/auth';
import { defineRoute } from '@flotilla/http';
import * as s from '@flotilla/kernel/schema';
import { canManageOrders } from './access.ts';
import {
  addressSchema,
  documentedOrderingHeaders,
  locationHeader,
  MAX_QUANTITY,
  moneySchema,
  orderId,
  orderLineSchema,
  paymentSchema,
  productId,
} from './common.ts';
import { agreedPrices, orderingProblems, orderSchema } from './order.ts';
import { quoteSchema } from './pricing.ts';

export const cartSchema = s.named(
  'Cart',
  s.object({
    items: s.array(s.object({ productId, quantity: s.integer({ examples: [1] }) })),
    updatedAt: s.nullable(s.string({ format: 'date-time' })),
  }),
);

export const getCart = defineRoute({
  operationId: 'getCart',
  method: 'GET',
  path: '/cart',
  summary: "The caller's cart",
  access: authenticated,
  responses: { 200: cartSchema },
});

export const putCartItem = defineRoute({
  operationId: 'putCartItem',
  method: 'PUT',
  path: '/cart/items/:productId',
  summary: 'Set the quantity of a product; 0 removes it',
  access: authenticated,
  params: s.object({ productId }),
  body: s.object({ quantity: s.integer({ minimum: 0, maximum: MAX_QUANTITY, examples: [1] }) }),
  responses: { 200: cartSchema },
  problems: { 422: { codes: ['unknown-product', 'cart-full'] } },
});

export const clearCart = defineRoute({
  operationId: 'clearCart',
  method: 'DELETE',
  path: '/cart',
  summary: 'Empty the cart',
  access: authenticated,
  responses: { 204: null },
});

export const checkOutCart = defineRoute({
  operationId: 'checkOutCart',
  method: 'POST',
  path: '/cart/checkout',
  waits: true,
  priority: 'critical',
  summary: "Place an order for the cart's items; the cart is emptied when the order is confirmed",
  access: canManageOrders,
  headers: s.object({
    'idempotency-key': s.optional(s.string({ maxLength: 8_192 })),
    prefer: s.optional(s.string({ maxLength: 200 })),
  }),
  documentedHeaders: documentedOrderingHeaders,
  body: s.object({
    payment: paymentSchema,
    shippingAddress: addressSchema,
    expectedTotal: s.optional(moneySchema),
    ...agreedPrices,
  }),
  responses: { 201: orderSchema, 202: orderSchema },
  responseHeaders: { 201: locationHeader, 202: locationHeader },
  problems: {
    ...orderingProblems,
    409: {
      ...orderingProblems[409],
      codes: ['checkout-in-progress', ...orderingProblems[409].codes],
      members: s.named(
        'CheckoutConflict',
        s.object({
          total: s.optional(moneySchema),
          items: s.optional(s.array(orderLineSchema)),
          quote: s.optional(quoteSchema),
          orderId: s.optional(orderId),
        }),
      ),
    },
    422: { ...orderingProblems[422], codes: ['cart-empty', ...orderingProblems[422].codes] },
  },
});
