import { type BodyFor, defineRoute, type HttpClient, type RouteAnswer } from '@flotilla/http';
import * as s from '@flotilla/kernel/schema';
import { placeOrder } from '@shop/contracts';

const problemSchema = s.record(s.anything());

/** The order service's route with its refusals declared as answers: they are passed on, not translated. */
const placeOrderOrProblem = defineRoute({
  ...placeOrder,
  responses: {
    ...placeOrder.responses,
    400: problemSchema,
    409: problemSchema,
    422: problemSchema,
  },
});

export type OrderAnswer = RouteAnswer<typeof placeOrderOrProblem>;

interface PlacingOrder {
  readonly body: BodyFor<typeof placeOrder>;
  readonly idempotencyKey: string;
  /** The `Prefer` header as the customer sent it. */
  readonly prefer: string | undefined;
  /** The customer's own token: the order service decides what it may do. */
  readonly token: string;
}

/** Places an order on behalf of a customer. Throws retryable errors when the outcome is not known. */
export type PlaceOrder = (order: PlacingOrder, signal: AbortSignal) => Promise<OrderAnswer>;

const MAX_WAIT_SECONDS = 30;
const MARGIN_MS = 8_000;

export function createPlaceOrder(orders: HttpClient): PlaceOrder {
  return async ({ body, idempotencyKey, prefer, token }, signal) => {
    const headers = { 'idempotency-key': idempotencyKey, ...(prefer !== undefined && { prefer }) };
    // The key makes it safe to ask again.
    const options = { signal, timeoutMs: waitMs(prefer) + MARGIN_MS, idempotent: true };
    return await orders.call(placeOrderOrProblem, { headers, body, token }, options);
  };
}

/** How long the order service may take to answer; it reads the preference by itself. */
function waitMs(prefer: string | undefined): number {
  const seconds = Number(/wait\s*=\s*"?(\d{1,4})/i.exec(prefer ?? '')?.[1] ?? 0);
  return Math.min(seconds, MAX_WAIT_SECONDS) * 1_000;
}
