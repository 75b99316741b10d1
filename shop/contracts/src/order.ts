import { defineRoute } from '@flotilla/http';
import * as s from '@flotilla/kernel/schema';
import { defineMessage } from '@flotilla/messaging';
import { canManageOrders, canReadOrders } from './access.ts';
import {
  addressSchema,
  couponCode,
  documentedOrderingHeaders,
  locationHeader,
  moneySchema,
  orderId,
  orderLineSchema,
  pageOf,
  pageQuery,
  paymentSchema,
  productId,
  quantity,
  quoteId,
  reductionSchema,
  retryAfterHeader,
  timestamp,
} from './common.ts';
import { quoteSchema } from './pricing.ts';

export const orderStatuses = [
  'Pending',
  'InventoryReserved',
  'PaymentProcessed',
  'Confirmed',
  'Cancelled',
] as const;
export type OrderStatus = (typeof orderStatuses)[number];

export const orderStatus = s.named('OrderStatus', s.oneOf(orderStatuses));
const status = orderStatus;

export const orderSchema = s.named(
  'Order',
  s.object({
    id: orderId,
    status,
    items: s.array(orderLineSchema),
    total: moneySchema,
    quoteId: s.optional({ ...quoteId, description: 'The quote it was placed on.' }),
    coupon: s.optional(couponCode),
    discounts: s.optional(
      s.array(reductionSchema, { description: 'Of lines and of the order; the total is less by them.' }),
    ),
    shipping: s.optional(moneySchema),
    tax: s.optional(moneySchema),
    cancellationReason: s.optional(
      s.string({ description: 'A stable code: out-of-stock, payment-declined, …' }),
    ),
    createdAt: timestamp,
    updatedAt: timestamp,
    history: s.array(s.object({ status, at: timestamp })),
  }),
);

/** At most this many different lines in one order. */
export const MAX_ORDER_LINES = 50;

export const orderItems = s.array(s.object({ productId, quantity }), {
  minItems: 1,
  maxItems: MAX_ORDER_LINES,
});

// The key is validated by the service: a missing one has its own error code.
const orderingHeaders = s.object({
  'idempotency-key': s.optional(s.string({ maxLength: 8_192 })),
  prefer: s.optional(s.string({ maxLength: 200 })),
});

/** Why no order was placed, or why the one that was has been cancelled: then it is named. */
export const orderingProblems = {
  400: { codes: ['idempotency-key-required', 'idempotency-key-invalid'] },
  409: {
    codes: ['idempotency-in-progress', 'total-changed', 'quote-changed', 'quote-expired'],
    members: s.named(
      'OrderConflict',
      s.object({
        total: s.optional(moneySchema),
        items: s.optional(s.array(orderLineSchema)),
        quote: s.optional(quoteSchema),
      }),
    ),
    headers: retryAfterHeader,
  },
  422: {
    codes: [
      'unknown-product',
      'mixed-currencies',
      'quantity-limit',
      'quote-unknown',
      'no-price',
      'coupon-unknown',
      'coupon-expired',
      'coupon-used',
      'idempotency-key-reused',
      'out-of-stock',
      'payment-declined',
      'shipping-unavailable',
      'cancelled-by-customer',
      'processing-failed',
      'order-expired',
    ],
    members: s.named('OrderProblem', s.object({ orderId: s.optional(orderId) })),
    headers: s.object({ Location: s.optional(s.string({ format: 'uri-reference' })) }),
  },
};

/** What the price of an order was agreed on; without either it is that of the price list. */
export const agreedPrices = { quoteId: s.optional(quoteId), coupon: s.optional(couponCode) };

export const placeOrder = defineRoute({
  operationId: 'placeOrder',
  method: 'POST',
  path: '/orders',
  waits: true,
  summary: 'Place an order; with "Prefer: wait=N" answer when it has ended',
  access: canManageOrders,
  headers: orderingHeaders,
  documentedHeaders: documentedOrderingHeaders,
  body: s.object({
    items: orderItems,
    payment: paymentSchema,
    shippingAddress: addressSchema,
    expectedTotal: s.optional(moneySchema),
    ...agreedPrices,
  }),
  responses: { 201: orderSchema, 202: orderSchema },
  responseHeaders: { 201: locationHeader, 202: locationHeader },
  problems: orderingProblems,
});

const byId = s.object({ id: orderId });

export const getOrder = defineRoute({
  operationId: 'getOrder',
  method: 'GET',
  path: '/orders/:id',
  summary: 'One order of the caller',
  access: canReadOrders,
  params: byId,
  responses: { 200: orderSchema },
  problems: { 404: { codes: ['order-not-found'] } },
});

export const watchOrder = defineRoute({
  operationId: 'watchOrder',
  method: 'GET',
  path: '/orders/:id/events',
  waits: true,
  summary: 'What becomes of an order, as server-sent events `status` with the order, to the terminal one',
  access: canReadOrders,
  params: byId,
  headers: s.object({ 'last-event-id': s.optional(s.string({ maxLength: 64 })) }),
  documentedHeaders: s.object({
    'Last-Event-ID': s.optional(
      s.string({ description: '`id` of the last event that was read: only what came later is sent.' }),
    ),
  }),
  produces: 'text/event-stream',
  // 204: there is nothing after that event, so that a browser does not connect again.
  responses: { 200: s.string(), 204: null },
  problems: {
    404: { codes: ['order-not-found'] },
    429: { codes: ['too-many-streams'], headers: retryAfterHeader },
  },
});

export const listOrders = defineRoute({
  operationId: 'listOrders',
  method: 'GET',
  path: '/orders',
  summary: "The caller's orders, newest first",
  access: canReadOrders,
  query: s.object(pageQuery),
  responses: { 200: pageOf('OrderPage', orderSchema) },
  problems: { 400: { codes: ['invalid-cursor'] } },
});

export const cancelOrder = defineRoute({
  operationId: 'cancelOrder',
  method: 'POST',
  path: '/orders/:id/cancel',
  summary: 'Cancel an order that has not been shipped: refund and release',
  access: canManageOrders,
  params: byId,
  responses: { 200: orderSchema, 202: orderSchema },
  problems: { 404: { codes: ['order-not-found'] }, 409: { codes: ['too-late'] } },
});

const orderFacts = {
  orderId,
  customerId: s.string(),
  customerEmail: s.optional(s.string({ 'x-pii': true })),
  customerName: s.optional(s.string({ 'x-pii': true })),
  tenantId: s.optional(s.string()),
  idempotencyKey: s.string({ description: 'The key the customer placed the order with.' }),
  items: s.array(orderLineSchema),
  total: moneySchema,
};

export const orderPlaced = defineMessage({
  type: 'order.placed.v1',
  description: 'An order was accepted; nothing is reserved or charged yet.',
  key: (order) => order.orderId,
  schema: s.object({ ...orderFacts, placedAt: timestamp }),
});

export const orderConfirmed = defineMessage({
  type: 'order.confirmed.v1',
  description: 'Stock, payment and shipment of an order are settled: it is final.',
  key: (order) => order.orderId,
  schema: s.object({ ...orderFacts, shipmentId: s.string(), confirmedAt: timestamp }),
});

export const orderCancelled = defineMessage({
  type: 'order.cancelled.v1',
  description: 'An order ended without a sale; whatever was reserved or charged has been given back.',
  key: (order) => order.orderId,
  schema: s.object({ ...orderFacts, reason: s.string(), cancelledAt: timestamp }),
});

/*
 * What the order service says to the participants of an order that runs by events (ORDER_FLOW=choreography). Each
 * event holds what its one subscriber needs and no more: the token reaches payment only, the address shipping only.
 */

export const orderRequested = defineMessage({
  type: 'order.requested.v1',
  description: 'An accepted order runs by events: its stock may be reserved. For inventory.',
  key: (order) => order.orderId,
  schema: s.object({ orderId, items: orderItems }),
});

export const orderPaymentAuthorized = defineMessage({
  type: 'order.payment-authorized.v1',
  description: 'The customer allows to charge an order as soon as its stock is reserved. For payment.',
  key: (order) => order.orderId,
  schema: s.object({
    orderId,
    customerId: s.string(),
    amount: moneySchema,
    payment: paymentSchema,
  }),
});

export const orderShippingGranted = defineMessage({
  type: 'order.shipping-granted.v1',
  description: 'Stock and payment of an order are taken: from here on it cannot be cancelled. For shipping.',
  key: (order) => order.orderId,
  schema: s.object({ orderId, items: orderItems, address: addressSchema }),
});

export const orderCancellationRequested = defineMessage({
  type: 'order.cancellation-requested.v1',
  description:
    'An order will end cancelled: whatever it holds must be given back, and nothing taken any more.',
  key: (order) => order.orderId,
  schema: s.object({
    orderId,
    reason: s.string(),
    coupon: s.optional({ ...couponCode, description: 'One that it was reduced by.' }),
  }),
});

export const orderCouponPresented = defineMessage({
  type: 'order.coupon-presented.v1',
  description: 'An accepted order was reduced by a coupon, which is to be used. For pricing.',
  key: (order) => order.orderId,
  schema: s.object({ orderId, customerId: s.string(), coupon: couponCode, discount: moneySchema }),
});
