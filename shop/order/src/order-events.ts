import { type Category, defineCategory, defineEvent } from '@flotilla/event-store';
import * as s from '@flotilla/kernel/schema';
import type { OrderEvent } from './domain/order.ts';

/**
 * How the events of an order are stored. Stored events never change: raise a version and add an upcaster when a
 * schema here has to.
 */
const at = s.string({ format: 'date-time' });
const money = s.object({ amountMinor: s.integer({ minimum: 0 }), currency: s.string() });
const step = s.object({ at });
const agreement = s.object({
  quoteId: s.string(),
  discounts: s.array(s.object({ code: s.string(), name: s.string(), amount: money })),
  shipping: money,
  tax: money,
  coupon: s.optional(s.object({ code: s.string(), discount: money })),
});

export const orderEvents: Category<OrderEvent> = defineCategory<OrderEvent>('order', {
  'order-placed': defineEvent({
    type: 'order-placed',
    schema: s.object({
      customer: s.object({
        id: s.string(),
        email: s.optional(s.string({ 'x-pii': true })),
        name: s.optional(s.string({ 'x-pii': true })),
        tenantId: s.optional(s.string()),
      }),
      idempotencyKey: s.string(),
      lines: s.array(
        s.object({
          productId: s.string(),
          name: s.string(),
          quantity: s.integer({ minimum: 1 }),
          unitPrice: money,
        }),
      ),
      total: money,
      agreement: s.optional(agreement),
      shippingAddress: s.object(
        {
          name: s.string(),
          line1: s.string(),
          city: s.string(),
          postalCode: s.string(),
          country: s.string(),
        },
        { 'x-pii': true },
      ),
      at,
    }),
  }),
  'inventory-reserved': defineEvent({ type: 'inventory-reserved', schema: step }),
  'payment-processed': defineEvent({ type: 'payment-processed', schema: step }),
  'order-confirmed': defineEvent({ type: 'order-confirmed', schema: step }),
  'order-cancelled': defineEvent({ type: 'order-cancelled', schema: s.object({ at, reason: s.string() }) }),
});
