import { handle, ok, problem, type RouteHandler } from '@flotilla/http';
import type { Metrics } from '@flotilla/telemetry';
import { chargePayment, refundPayment } from '@shop/contracts';
import { chargeOrder } from './features/charge-order.ts';
import { refundOrder } from './features/refund-order.ts';
import type { PaymentDeps } from './settlement.ts';

export function createPaymentHandlers(deps: PaymentDeps, metrics: Metrics): readonly RouteHandler[] {
  const answered = metrics.counter(
    'payment_answers_total',
    'Final answers to charges and refunds',
    ['answer'],
    '{answer}',
  );
  return [
    handle(chargePayment, async ({ params, body, signal }) => {
      const { amount, payment, customerId } = body;
      const intent = { orderId: params.orderId, customerId, amount, token: payment.token };
      const answer = await chargeOrder(deps, intent, signal);
      if (answer === 'mismatch')
        return problem(409, 'payment-mismatch', 'The order has a payment over another amount.');
      answered.inc({ answer: answer.status });
      return ok(answer);
    }),
    handle(refundPayment, async ({ params, signal }) => {
      const status = await refundOrder(deps, params.orderId, signal);
      answered.inc({ answer: status });
      return ok({ status });
    }),
  ];
}
