import type { RouteHandler } from '@flotilla/http';
import type { NewId } from '@flotilla/kernel';
import type { Outbox } from '@flotilla/messaging';
import type { Database } from '@flotilla/postgres';
import { createShippingHandlers } from './http.ts';
import { peopleRoutes } from './people.ts';
import { createShipmentStore } from './shipment-store.ts';
import { shippingSubscriptions } from './subscriptions.ts';

export interface ShippingDeps {
  readonly db: Database;
  readonly outbox: Outbox;
  readonly newId: NewId;
}

export interface ShippingApp {
  readonly handlers: readonly RouteHandler[];
  readonly subscriptions: ReturnType<typeof shippingSubscriptions>;
}

export function createShippingApp({ db, outbox, newId }: ShippingDeps): ShippingApp {
  return {
    handlers: [...createShippingHandlers(createShipmentStore(db, newId)), ...peopleRoutes(db)],
    subscriptions: shippingSubscriptions({ outbox, newId }),
  };
}
