import type { RouteHandler } from '@flotilla/http';
import type { Clock, NewId } from '@flotilla/kernel';
import type { Outbox } from '@flotilla/messaging';
import type { Database } from '@flotilla/postgres';
import { createAddressStore } from './address-store.ts';
import { userRoutes } from './http.ts';
import { createProfileStore } from './profile-store.ts';
import { userSubscriptions } from './subscriptions.ts';

export interface UserDeps {
  readonly db: Database;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly newId: NewId;
}

export interface UserApp {
  readonly handlers: readonly RouteHandler[];
  readonly subscriptions: ReturnType<typeof userSubscriptions>;
}

export function createUserApp({ db, outbox, clock, newId }: UserDeps): UserApp {
  const profiles = createProfileStore(db);
  const addresses = createAddressStore(db);
  return {
    handlers: userRoutes({ db, outbox, clock, newId, profiles, addresses }),
    subscriptions: userSubscriptions(profiles),
  };
}
