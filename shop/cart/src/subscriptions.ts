import { on } from '@flotilla/messaging';
import { orderCancelled, orderConfirmed } from '@shop/contracts';
import type { CartStore } from './cart-store.ts';
import type { CheckoutStore } from './checkout-store.ts';

/** What the cart does when an order has ended. Orders that were not placed from a cart are none of its business. */
export function cartSubscriptions(carts: CartStore, checkouts: CheckoutStore) {
  return [
    on(orderConfirmed, async ({ data: { customerId, idempotencyKey, items } }, tx) => {
      if (await checkouts.end(tx, customerId, idempotencyKey, 'confirmed'))
        await carts.takeOut(tx, customerId, items);
    }),
    on(orderCancelled, async ({ data: { customerId, idempotencyKey } }, tx) => {
      await checkouts.end(tx, customerId, idempotencyKey, 'cancelled');
    }),
  ];
}
