import { RequestError, request } from '../api/request.ts';
import type { Order, Quote } from '../api/types.ts';
import type { Intent } from './intent.ts';
import { forgetIntent, keepIntent } from './intent-storage.ts';

export type Placed =
  /** There is an order: also one that was cancelled again, or that another tab has placed. */
  | { readonly kind: 'order'; readonly orderId: string }
  /** Nothing was ordered: it would have cost something else. `quote` is what it costs now, if the server said so. */
  | { readonly kind: 'changed'; readonly error: RequestError; readonly quote: Quote | undefined }
  | { readonly kind: 'refused'; readonly error: RequestError }
  /** Nobody knows: to be sent again, with the same key. */
  | { readonly kind: 'unknown'; readonly error: RequestError };

const CHANGED = ['quote-changed', 'quote-expired', 'quote-unknown', 'total-changed'];
const TIMEOUT_MS = 20_000;

/** Sends an intent and says what became of it. It is kept in the browser until that is known. */
export async function placeOrder(intent: Intent): Promise<Placed> {
  keepIntent(intent);
  try {
    const { id } = await request<Order>('/cart/checkout', {
      method: 'POST',
      body: intent.body,
      headers: { 'Idempotency-Key': intent.key },
      timeoutMs: TIMEOUT_MS,
    });
    forgetIntent(intent);
    return { kind: 'order', orderId: id };
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    return judge(intent, error);
  }
}

function judge(intent: Intent, error: RequestError): Placed {
  // Too much asked of the shop, or the first attempt is under way: neither says anything about the order.
  const isOpen = error.isUncertain || error.status === 429 || error.code === 'idempotency-in-progress';
  if (isOpen) return { kind: 'unknown', error };
  if (error.status === 401) return { kind: 'refused', error }; // sent again after the login
  forgetIntent(intent);
  const { orderId, quote } = error.members;
  if (typeof orderId === 'string') return { kind: 'order', orderId };
  if (CHANGED.includes(error.code)) return { kind: 'changed', error, quote: quote as Quote | undefined };
  return { kind: 'refused', error };
}
