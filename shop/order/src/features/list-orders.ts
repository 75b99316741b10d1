import { accept, isUuid, type Result, reject } from '@flotilla/kernel';
import type { OrderStore } from '../order-store.ts';
import { type OrderView, viewOrder } from '../order-view.ts';

export interface OrderPage {
  readonly items: readonly OrderView[];
  readonly next: string | null;
}

const DEFAULT_LIMIT = 20;

/** A page of a customer's orders, newest first. The cursor is opaque to clients: the last id of the page before. */
export async function listOrders(
  orders: OrderStore,
  customerId: string,
  query: { readonly limit?: number; readonly cursor?: string },
): Promise<Result<OrderPage, 'invalid-cursor'>> {
  const afterId = query.cursor === undefined ? undefined : Buffer.from(query.cursor, 'base64url').toString();
  if (afterId !== undefined && !isUuid(afterId)) return reject('invalid-cursor');
  const limit = query.limit ?? DEFAULT_LIMIT;
  // One more than asked for tells whether there is a next page.
  const found = await orders.list(customerId, limit + 1, afterId);
  const page = found.slice(0, limit);
  const last = page.at(-1);
  const next = found.length > limit && last ? Buffer.from(last.id).toString('base64url') : null;
  return accept({ items: page.map(viewOrder), next });
}
