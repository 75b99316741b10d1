import { defineRoute } from '@flotilla/http';
import * as s from '@flotilla/kernel/schema';
import { defineMessage } from '@flotilla/messaging';
import { canTakePayments } from './access.ts';
import { moneySchema, orderId, paymentSchema } from './common.ts';

const byOrder = s.object({ orderId });

/**
 * Charges an order once: idempotent by order id. An answer is final; when the outcome is not known yet the
 * service answers 503 and the caller asks again.
 */
export const chargePayment = defineRoute({
  operationId: 'chargePayment',
  method: 'PUT',
  path: '/internal/payments/:orderId',
  priority: 'critical',
  summary: 'Charge an order',
  access: canTakePayments,
  params: byOrder,
  body: s.object({ amount: moneySchema, payment: paymentSchema, customerId: s.string() }),
  responses: {
    200: s.object({
      status: s.oneOf(['captured', 'declined'] as const),
      paymentId: s.string(),
      reason: s.optional(s.string()),
    }),
  },
});

/** Gives back whatever was captured and refuses any later capture. Idempotent, also for an unknown order. */
export const refundPayment = defineRoute({
  operationId: 'refundPayment',
  method: 'POST',
  path: '/internal/payments/:orderId/refund',
  priority: 'critical',
  summary: 'Refund an order in full, or void a charge that has not happened',
  access: canTakePayments,
  params: byOrder,
  responses: { 200: s.object({ status: s.oneOf(['refunded', 'voided'] as const) }) },
});

export const paymentProcessed = defineMessage({
  type: 'payment.processed.v1',
  description: 'The total of an order has been captured.',
  key: (payment) => payment.orderId,
  schema: s.object({ orderId, paymentId: s.string() }),
});

export const paymentFailed = defineMessage({
  type: 'payment.failed.v1',
  description: 'The charge of an order was declined; nothing was captured.',
  key: (payment) => payment.orderId,
  schema: s.object({
    orderId,
    paymentId: s.string(),
    reason: s.string({ description: 'In the words of the provider.' }),
  }),
});

export const paymentRefunded = defineMessage({
  type: 'payment.refunded.v1',
  description: 'A cancelled order has paid nothing, net, and can never be charged again.',
  key: (payment) => payment.orderId,
  schema: s.object({
    orderId,
    outcome: s.oneOf(['refunded', 'voided'] as const, { description: 'voided: nothing was ever captured.' }),
  }),
});
