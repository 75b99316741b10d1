import { on } from '@flotilla/messaging';
import { orderConfirmed } from '@shop/contracts';
import { type NotePurchaseDeps, notePurchase } from './features/note-purchase.ts';

/** What was bought and stays bought: an order that was cancelled says nothing about taste. */
export function recommendationSubscriptions(deps: NotePurchaseDeps) {
  return [
    on(orderConfirmed, async ({ data: { orderId, customerId, items, confirmedAt } }, tx) => {
      const products = items.map(({ productId }) => productId);
      if (products.length === 0) return;
      await notePurchase(deps, tx, { orderId, customerId, products, at: confirmedAt });
    }),
  ];
}
