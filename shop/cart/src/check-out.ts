import type { BodyFor } from '@flotilla/http';
import { crashPoint } from '@flotilla/kernel';
import type { checkOutCart } from '@shop/contracts';
import type { CheckoutStore } from './checkout-store.ts';
import type { OrderAnswer, PlaceOrder } from './order-client.ts';

export interface CheckOut {
  readonly customerId: string;
  readonly token: string;
  readonly idempotencyKey: string;
  readonly prefer: string | undefined;
  readonly details: BodyFor<typeof checkOutCart>;
}

export interface CheckOutDeps {
  readonly checkouts: CheckoutStore;
  readonly placeOrder: PlaceOrder;
}

/**
 * Orders the cart; `undefined` when it is empty. What is ordered under a key is recorded before the order
 * service is asked, so that a repeated request repeats the same order and gets the same answer, whatever has
 * happened to the cart since. The cart itself changes only when the order is reported as confirmed.
 */
export async function checkOut(
  { checkouts, placeOrder }: CheckOutDeps,
  request: CheckOut,
  signal: AbortSignal,
): Promise<OrderAnswer | undefined> {
  const { customerId, token, idempotencyKey, prefer, details } = request;
  crashPoint('cart.before-checkout-recorded');
  const items = await checkouts.begin(customerId, idempotencyKey);
  if (items.length === 0) return undefined;
  crashPoint('cart.after-checkout-recorded');
  const answer = await placeOrder({ body: { items, ...details }, idempotencyKey, prefer, token }, signal);
  crashPoint('cart.after-order-answered');
  if (tookNothing(answer)) await checkouts.refuse(customerId, idempotencyKey);
  return answer;
}

/** Refused before there was an order: the customer may mend the cart and try again with the same key. */
function tookNothing({ status, body }: OrderAnswer): boolean {
  if (status !== 400 && status !== 422) return false;
  return body['orderId'] === undefined && body['code'] !== 'idempotency-key-reused';
}
