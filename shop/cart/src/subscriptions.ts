import { on } from '@flotilla/messaging';
import { orderCancelled, orderConfirmed } from '@shop/contracts';
import type { CheckoutStore } from './checkout-store.ts';

/** What the cart does when an order has ended. Orders that were not placed from a cart are none of its business. */
export function cartSubscriptions(checkouts: CheckoutStore) {
  return [
    on(orderConfirmed, async ({ data: { customerId, idempotencyKey: key, items } }, tx) => {
      await checkouts.end(tx, { customerId, key, items }, 'confirmed');
    }),
    on(orderCancelled, async ({ data: { customerId, idempotencyKey: key } }, tx) => {
      await checkouts.end(tx, { customerId, key, items: [] }, 'cancelled');
    }),
  ];
}
