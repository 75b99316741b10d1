import { currentContext, remainingMs } from '@flotilla/telemetry';
import { isTerminal, type Order } from '../domain/order.ts';
import { orderError } from '../errors.ts';
import { type OrderResponse, responseFor } from '../order-response.ts';
import type { OrderStore } from '../order-store.ts';
import type { OrderWatch } from '../order-watch.ts';

/** Waiting for an order to end, and what its client is told then. */
export interface AwaitOrder {
  /** The order once it has ended; `undefined` when it has not within `waitMs`. */
  ended(orderId: string, customerId: string, waitMs: number, signal: AbortSignal): Promise<Order | undefined>;
  now(orderId: string, customerId: string): Promise<Order>;
  response(order: Order): OrderResponse;
}

/** Left of the request's deadline to answer it in. */
const ANSWER_MS = 1_000;

export function createAwaitOrder(
  orders: Pick<OrderStore, 'find'>,
  watch: Pick<OrderWatch, 'until'>,
): AwaitOrder {
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
      if (!order) throw orderError('ORDER_MISSING', 'an accepted order is not in the store', { orderId });
      return order;
    },
    response: (order) => responseFor(order, currentContext()?.trace.traceId ?? ''),
  };
}
