import type { EventStore } from '@flotilla/event-store';
import { isPlatformError, type NewId } from '@flotilla/kernel';
import type { Transaction } from '@flotilla/postgres';
import { purchases } from '../purchases.ts';
import type { ShopperStore } from '../shopper-store.ts';

export interface NotePurchaseDeps {
  readonly events: EventStore;
  readonly shoppers: ShopperStore;
  readonly newId: NewId;
}

export interface Purchase {
  readonly orderId: string;
  readonly customerId: string;
  readonly products: readonly string[];
  readonly at: string;
}

/** Writes what was bought into the log, once an order. What somebody bought who was erased is nobody's. */
export async function notePurchase(
  { events, shoppers, newId }: NotePurchaseDeps,
  tx: Transaction,
  { orderId, customerId, products, at }: Purchase,
): Promise<void> {
  const shopper = (await shoppers.aliasOf(tx, customerId, newId())) ?? newId();
  const bought = { type: 'bought', data: { shopper, products: [...new Set(products)], at } } as const;
  try {
    await events.append(tx, purchases.stream(orderId), [bought], { expect: 'none' });
  } catch (error) {
    // The order was noted before, by a message of another id.
    if (!isPlatformError(error) || error.code !== 'EVENT_STORE_VERSION_CONFLICT') throw error;
  }
}
