import type { RouteHandler } from '@flotilla/http';
import type { Clock, NewId } from '@flotilla/kernel';
import type { Outbox } from '@flotilla/messaging';
import type { Database } from '@flotilla/postgres';
import { createSagaEngine, type SagaEngine } from '@flotilla/saga';
import type { Logger, Metrics } from '@flotilla/telemetry';
import { createAddressStore } from './address-store.ts';
import { userRoutes } from './http.ts';
import type { DataHolder } from './people/data-holder.ts';
import { createErasureStore } from './people/erasure-store.ts';
import { createExportStore } from './people/export-store.ts';
import { peopleRoutes } from './people/http.ts';
import { createOwnHolder } from './people/own-data.ts';
import { defineEraseSaga, defineExportSaga } from './people/sagas.ts';
import { createProfileStore } from './profile-store.ts';
import { userSubscriptions } from './subscriptions.ts';

export interface UserDeps {
  readonly db: Database;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly newId: NewId;
  /** An id that nobody guesses: 43 characters of base64url. */
  readonly newKey: () => string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly instanceId: string;
  readonly identity: DataHolder;
  /** The other services that know something of people. */
  readonly others: readonly DataHolder[];
  /** Within this time after the end of an account its tokens are refused everywhere. */
  readonly tokensEndMs: number;
}

export interface UserApp {
  readonly handlers: readonly RouteHandler[];
  readonly subscriptions: ReturnType<typeof userSubscriptions>;
  /** Collects and erases: run it. */
  readonly sagas: SagaEngine;
  readonly forgetOldExports: () => Promise<void>;
}

const EXPORT_DAYS = 7;

export function createUserApp(deps: UserDeps): UserApp {
  const { db, identity, others, tokensEndMs } = deps;
  const profiles = createProfileStore(db);
  const addresses = createAddressStore(db);
  const erasures = createErasureStore(db);
  const exports = createExportStore(db);
  const holders = [...others, createOwnHolder(db)];
  const sagaDeps = { identity, holders, erasures, exports, tokensEndMs };
  const eraseSaga = defineEraseSaga(sagaDeps);
  const exportSaga = defineExportSaga(sagaDeps);
  const sagas = createSagaEngine({ ...deps, definitions: [eraseSaga, exportSaga] });
  return {
    handlers: [
      ...userRoutes({ ...deps, profiles, addresses }),
      ...peopleRoutes({ ...deps, erasures, exports, sagas, eraseSaga, exportSaga }),
    ],
    subscriptions: userSubscriptions(profiles),
    sagas,
    forgetOldExports: () => exports.forget(EXPORT_DAYS),
  };
}
