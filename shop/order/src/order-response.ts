import type { Order } from './domain/order.ts';
import { type OrderView, viewOrder } from './order-view.ts';

/** What the client of an order is told, and told again at every replay, down to the trace id of a refusal. */
export type OrderResponse =
  | { readonly kind: 'confirmed' | 'underway'; readonly order: OrderView }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export interface Refusal {
  readonly code: string;
  readonly detail: string;
  readonly orderId: string;
  readonly traceId: string;
}

/** What a person reads about the reasons an order is cancelled for. */
const REASONS: Readonly<Record<string, string>> = {
  'out-of-stock': 'Not enough of a product is left. Nothing was charged.',
  'coupon-used': 'The coupon has been used by another order. Whatever was charged has been refunded.',
  'coupon-expired': 'The coupon has expired. Whatever was charged has been refunded.',
  'payment-declined': 'The payment was declined. Nothing was charged.',
  'shipping-unavailable': 'We do not ship to this address. The payment was refunded.',
  'cancelled-by-customer': 'The order was cancelled. Whatever was charged has been refunded.',
  'processing-failed': 'Something went wrong on our side. Whatever was charged has been refunded.',
  'order-expired': 'The order could not be completed in time. Whatever was charged has been refunded.',
};

/** Out of the state of an order alone. `traceId` is that of the request that is told first. */
export function responseFor(order: Order, traceId: string): OrderResponse {
  if (order.status === 'Confirmed') return { kind: 'confirmed', order: viewOrder(order) };
  if (order.status !== 'Cancelled') return { kind: 'underway', order: viewOrder(order) };
  const code = order.cancellationReason ?? 'cancelled';
  const detail = REASONS[code] ?? 'The order was cancelled.';
  return { kind: 'refused', refusal: { code, detail, orderId: order.id, traceId } };
}
