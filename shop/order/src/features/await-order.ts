import { PlatformError } from '@flotilla/kernel';
import { currentContext, remainingMs } from '@flotilla/telemetry';
import { isTerminal, type Order } from '../domain/order.ts';
import type { RecordedResponse } from '../idempotency-store.ts';
import type { OrderStore } from '../order-store.ts';
import { viewOrder } from '../order-view.ts';
import type { OrderWatch } from '../order-watch.ts';

/** Waiting for an order to end, and what its client is answered then. */
export interface AwaitOrder {
  /** The order once it has ended; `undefined` when it has not within `waitMs`. */
  ended(orderId: string, customerId: string, waitMs: number, signal: AbortSignal): Promise<Order | undefined>;
  now(orderId: string, customerId: string): Promise<Order>;
  /** 201 confirmed, 422 cancelled with its reason, 202 still on its way. */
  answer(order: Order): RecordedResponse;
}

/** Left of the request's deadline to answer it in. */
const ANSWER_MS = 1_000;

export function createAwaitOrder(orders: OrderStore, watch: OrderWatch): AwaitOrder {
  return {
    ended: (orderId, customerId, waitMs, signal) => {
      const answerableMs = Math.max(0, (remainingMs() ?? Number.POSITIVE_INFINITY) - ANSWER_MS);
      return watch.until(orderId, Math.min(waitMs, answerableMs), signal, async () => {
        const order = await orders.find(orderId, customerId);
        return order && isTerminal(order.status) ? order : undefined;
      });
    },
    now: async (orderId, customerId) => {
      const order = await orders.find(orderId, customerId);
      if (!order)
        throw new PlatformError('ORDER_MISSING', 'an accepted order is not in the store', {
          details: { orderId },
        });
      return order;
    },
    answer: (order) => {
      if (order.status === 'Confirmed') return { status: 201, order: viewOrder(order) };
      if (order.status !== 'Cancelled') return { status: 202, order: viewOrder(order) };
      const reason = order.cancellationReason ?? 'cancelled';
      return {
        status: 422,
        refusal: {
          code: reason,
          detail: REASONS[reason] ?? 'The order was cancelled.',
          orderId: order.id,
          traceId: currentContext()?.trace.traceId ?? '',
        },
      };
    },
  };
}

/** What a person reads about the reasons an order is cancelled for. */
const REASONS: Readonly<Record<string, string>> = {
  'out-of-stock': 'Not enough of a product is left. Nothing was charged.',
  'payment-declined': 'The payment was declined. Nothing was charged.',
  'shipping-unavailable': 'We do not ship to this address. The payment was refunded.',
  'cancelled-by-customer': 'The order was cancelled. Whatever was charged has been refunded.',
  'processing-failed': 'Something went wrong on our side. Whatever was charged has been refunded.',
  'order-expired': 'The order could not be completed in time. Whatever was charged has been refunded.',
};
