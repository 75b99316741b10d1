import type { HttpClient, RouteHandler } from '@flotilla/http';
import type { Database } from '@flotilla/postgres';
import { createCartStore } from './cart-store.ts';
import { createProductExists } from './catalogue.ts';
import { type CheckoutStore, createCheckoutStore } from './checkout-store.ts';
import { cartRoutes } from './http.ts';
import { createPlaceOrder, createReadOrder } from './order-client.ts';
import { peopleRoutes } from './people.ts';
import { cartSubscriptions } from './subscriptions.ts';

export interface CartDeps {
  readonly db: Database;
  /** Calls the inventory service with the cart's own token. */
  readonly inventory: HttpClient;
  /** Calls the order service; with the cart's own token, and the customer's beside it. */
  readonly orders: HttpClient;
}

export interface CartApp {
  readonly handlers: readonly RouteHandler[];
  readonly subscriptions: ReturnType<typeof cartSubscriptions>;
  readonly checkouts: CheckoutStore;
}

export function createCartApp({ db, inventory, orders }: CartDeps): CartApp {
  const carts = createCartStore(db);
  const checkouts = createCheckoutStore(db, carts);
  return {
    handlers: [
      ...peopleRoutes(db),
      ...cartRoutes({
        db,
        carts,
        checkouts,
        productExists: createProductExists(inventory),
        placeOrder: createPlaceOrder(orders),
        readOrder: createReadOrder(orders),
      }),
    ],
    subscriptions: cartSubscriptions(checkouts),
    checkouts,
  };
}
