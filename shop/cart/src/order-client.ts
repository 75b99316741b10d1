import { type BodyFor, defineRoute, type HttpClient, type RouteAnswer } from '@flotilla/http';
import type { Static } from '@flotilla/kernel';
import * as s from '@flotilla/kernel/schema';
import { getOrder, type orderSchema, placeOrder } from '@shop/contracts';

const problemSchema = s.record(s.anything());

/** The order service's route with its refusals declared as responses: they are passed on, not translated. */
const placeOrderOrProblem = defineRoute({
  ...placeOrder,
  responses: {
    ...placeOrder.responses,
    400: problemSchema,
    409: problemSchema,
    422: problemSchema,
  },
});

export type OrderResponse = RouteAnswer<typeof placeOrderOrProblem>;

interface PlacingOrder {
  readonly body: BodyFor<typeof placeOrder>;
  readonly idempotencyKey: string;
  /** The `Prefer` header as the customer sent it. */
  readonly prefer: string | undefined;
  /** The customer's own token: what the customer may do is decided by the order service. */
  readonly token: string;
}

/** Places an order on behalf of a customer. Throws retryable errors when the outcome is not known. */
export type PlaceOrder = (order: PlacingOrder, signal: AbortSignal) => Promise<OrderResponse>;

/** The order as the order service shows it; `unreadable`: not with this token. */
export type FoundOrder = Static<typeof orderSchema> | 'unknown' | 'unreadable';

export type ReadOrder = (orderId: string, token: string, signal: AbortSignal) => Promise<FoundOrder>;

const getOrderOrProblem = defineRoute({
  ...getOrder,
  responses: { ...getOrder.responses, 403: problemSchema, 404: problemSchema },
});

const MAX_WAIT_SECONDS = 30;
const RESPONSE_MS = 8_000;
const MARGIN_MS = 2_000;

export function createPlaceOrder(orders: HttpClient): PlaceOrder {
  return async ({ body, idempotencyKey, prefer, token }, signal) => {
    const headers = { 'idempotency-key': idempotencyKey, ...(prefer !== undefined && { prefer }) };
    // The key makes it safe to ask again.
    const options = { signal, timeoutMs: waitMs(prefer) + RESPONSE_MS, idempotent: true };
    return await orders.call(placeOrderOrProblem, { headers, body, onBehalfOf: token }, options);
  };
}

export function createReadOrder(orders: HttpClient): ReadOrder {
  return async (orderId, token, signal) => {
    const response = await orders.call(
      getOrderOrProblem,
      { params: { id: orderId }, onBehalfOf: token },
      { signal },
    );
    if (response.status === 200) return response.body;
    return response.status === 404 ? 'unknown' : 'unreadable';
  };
}

/** After this long no request sent now is still being answered. */
export function longestResponseMs(prefer: string | undefined): number {
  return waitMs(prefer) + RESPONSE_MS + MARGIN_MS;
}

/** How long the order service may take to answer; it reads the preference by itself. */
function waitMs(prefer: string | undefined): number {
  const seconds = Number(/wait\s*=\s*"?(\d{1,4})/i.exec(prefer ?? '')?.[1] ?? 0);
  return Math.min(seconds, MAX_WAIT_SECONDS) * 1_000;
}
