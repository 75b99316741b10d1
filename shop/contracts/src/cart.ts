import { authenticated } from '@flotilla/auth';
import { defineRoute } from '@flotilla/http';
import * as s from '@flotilla/kernel/schema';
import { canManageOrders } from './access.ts';
import { addressSchema, paymentSchema, productId } from './common.ts';
import { orderSchema } from './order.ts';

export const cartSchema = s.object({
  items: s.array(s.object({ productId, quantity: s.integer() })),
  updatedAt: s.nullable(s.string({ format: 'date-time' })),
});

export const getCart = defineRoute({
  method: 'GET',
  path: '/cart',
  summary: "The caller's cart",
  access: authenticated,
  responses: { 200: cartSchema },
});

export const putCartItem = defineRoute({
  method: 'PUT',
  path: '/cart/items/:productId',
  summary: 'Set the quantity of a product; 0 removes it',
  access: authenticated,
  params: s.object({ productId }),
  body: s.object({ quantity: s.integer({ minimum: 0, maximum: 1_000 }) }),
  responses: { 200: cartSchema },
});

export const clearCart = defineRoute({
  method: 'DELETE',
  path: '/cart',
  summary: 'Empty the cart',
  access: authenticated,
  responses: { 204: null },
});

export const checkOutCart = defineRoute({
  method: 'POST',
  path: '/cart/checkout',
  summary: "Place an order for the cart's items; the cart is emptied when the order is confirmed",
  access: canManageOrders,
  headers: s.object({
    'idempotency-key': s.optional(s.string({ maxLength: 8_192 })),
    prefer: s.optional(s.string({ maxLength: 200 })),
  }),
  body: s.object({ payment: paymentSchema, shippingAddress: addressSchema }),
  responses: { 201: orderSchema, 202: orderSchema },
});
