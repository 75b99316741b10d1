import type { BodyFor } from '@flotilla/http';
import { crashPoint } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { checkOutCart } from '@shop/contracts';
import type { Begun, CheckoutStore } from './checkout-store.ts';
import { longestResponseMs, type OrderResponse, type PlaceOrder, type ReadOrder } from './order-client.ts';

export interface CheckOut {
  readonly customerId: string;
  readonly token: string;
  readonly idempotencyKey: string;
  readonly prefer: string | undefined;
  readonly details: BodyFor<typeof checkOutCart>;
}

export type CheckOutOutcome =
  | { readonly kind: 'answered'; readonly response: OrderResponse }
  | { readonly kind: 'empty' }
  /** Another checkout of the cart has not ended; its order, when there is one. */
  | { readonly kind: 'in-progress'; readonly orderId?: string };

export interface CheckOutDeps {
  readonly db: Database;
  readonly checkouts: CheckoutStore;
  readonly placeOrder: PlaceOrder;
  readonly readOrder: ReadOrder;
}

/** Each round settles a checkout that stood in the way. */
const MOST_ROUNDS = 3;

/**
 * Orders the cart. What is ordered under a key is recorded before the order service is asked, so that a repeated
 * request repeats the same order and gets the same response, whatever has happened to the cart since. Who is told that
 * the order is confirmed has what was bought out of the cart; otherwise the news of its end takes it out.
 */
export async function checkOut(
  deps: CheckOutDeps,
  request: CheckOut,
  signal: AbortSignal,
): Promise<CheckOutOutcome> {
  const { customerId, idempotencyKey } = request;
  for (let round = 1; round <= MOST_ROUNDS; round += 1) {
    crashPoint('cart.before-checkout-recorded');
    const begun = await deps.checkouts.begin(customerId, idempotencyKey, longestResponseMs(request.prefer));
    crashPoint('cart.after-checkout-recorded');
    if (begun.kind === 'empty') return { kind: 'empty' };
    if (begun.kind === 'busy') return { kind: 'in-progress' };
    if (begun.kind === 'ordered') {
      const { orderId } = begun;
      if (!(await settleEarlier(deps, request, begun, signal))) return { kind: 'in-progress', orderId };
      continue;
    }
    const response = await order(deps, request, begun, signal);
    crashPoint('cart.after-order-answered');
    const standing = begun.orderKey === idempotencyKey || !isReused(response);
    if (standing) {
      await note(deps, request, begun.orderKey, response);
      crashPoint('cart.after-answer-noted');
      return { kind: 'answered', response };
    }
    // What was taken over had become an order with other details: that one stands, and this is none.
    const orderId = factOf(response, 'orderId');
    const known = typeof orderId === 'string' ? orderId : undefined;
    await deps.checkouts.giveBack(customerId, idempotencyKey, begun.orderKey, known);
    crashPoint('cart.after-answer-noted');
  }
  return { kind: 'in-progress' };
}

type Open = Extract<Begun, { readonly kind: 'begun' }>;
type Ordered = Extract<Begun, { readonly kind: 'ordered' }>;

async function order(
  { checkouts, placeOrder }: CheckOutDeps,
  { customerId, idempotencyKey, prefer, token, details }: CheckOut,
  { items, orderKey }: Open,
  signal: AbortSignal,
): Promise<OrderResponse> {
  try {
    return await placeOrder({ body: { items, ...details }, idempotencyKey: orderKey, prefer, token }, signal);
  } catch (error) {
    // Left as it is when this fails too: then nobody takes over before the request could have been answered.
    await checkouts.leave(customerId, idempotencyKey).catch(() => undefined);
    throw error;
  }
}

/** Asks how an earlier checkout of the cart ended: its news may still be on their way. `false` when it has not. */
async function settleEarlier(
  { db, checkouts, readOrder }: CheckOutDeps,
  { customerId, token }: CheckOut,
  { orderKey, orderId }: Ordered,
  signal: AbortSignal,
): Promise<boolean> {
  const found = await readOrder(orderId, token, signal);
  if (found === 'unreadable') return false;
  const end = found === 'unknown' ? 'cancelled' : endOf(found.status);
  if (end === undefined) return false;
  const items = found === 'unknown' ? [] : found.items;
  await db.transaction((tx) => checkouts.end(tx, { customerId, key: orderKey, items }, end));
  return true;
}

function endOf(status: string): 'confirmed' | 'cancelled' | undefined {
  if (status === 'Confirmed') return 'confirmed';
  return status === 'Cancelled' ? 'cancelled' : undefined;
}

/** Records what a response says of the order, before the customer is told. */
async function note(
  { db, checkouts }: CheckOutDeps,
  { customerId, idempotencyKey }: CheckOut,
  orderKey: string,
  response: OrderResponse,
): Promise<void> {
  if (response.status === 201) {
    const { items } = response.body;
    return await db.transaction((tx) => checkouts.end(tx, { customerId, key: orderKey, items }, 'confirmed'));
  }
  const orderId = response.status === 202 ? response.body.id : factOf(response, 'orderId');
  if (typeof orderId !== 'string') {
    return isOpen(response)
      ? await checkouts.leave(customerId, idempotencyKey)
      : await checkouts.refuse(customerId, idempotencyKey);
  }
  if (response.status === 202 || isReused(response))
    return await checkouts.ordered(customerId, idempotencyKey, orderId);
  return await db.transaction((tx) =>
    checkouts.end(tx, { customerId, key: orderKey, items: [] }, 'cancelled'),
  );
}

/** The key has an order, with other details than those of this request. */
function isReused(response: OrderResponse): boolean {
  return factOf(response, 'code') === 'idempotency-key-reused';
}

/** Whether there is an order is not known yet; any other refusal took nothing. */
function isOpen(response: OrderResponse): boolean {
  return isReused(response) || factOf(response, 'code') === 'idempotency-in-progress';
}

/** What a refusal says. */
function factOf({ status, body }: OrderResponse, name: string): unknown {
  return status === 201 || status === 202 ? undefined : body[name];
}
