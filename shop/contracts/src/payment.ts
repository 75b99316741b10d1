import { defineRoute } from '@flotilla/http';
import * as s from '@flotilla/kernel/schema';
import { canTakePayments } from './access.ts';
import { moneySchema, orderId, paymentSchema } from './common.ts';

const byOrder = s.object({ orderId });

/**
 * Charges an order once: idempotent by order id. An answer is final; when the outcome is not known yet the
 * service answers 503 and the caller asks again.
 */
export const chargePayment = defineRoute({
  method: 'PUT',
  path: '/internal/payments/:orderId',
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
  method: 'POST',
  path: '/internal/payments/:orderId/refund',
  summary: 'Refund an order in full, or void a charge that has not happened',
  access: canTakePayments,
  params: byOrder,
  responses: { 200: s.object({ status: s.oneOf(['refunded', 'voided'] as const) }) },
});
