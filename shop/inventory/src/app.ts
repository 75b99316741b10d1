import type { ServedService } from '@flotilla/grpc';
import type { RouteHandler } from '@flotilla/http';
import type { Clock } from '@flotilla/kernel';
import type { Outbox } from '@flotilla/messaging';
import type { Database } from '@flotilla/postgres';
import type { Logger, Metrics } from '@flotilla/telemetry';
import { demoProducts } from './demo-products.ts';
import { expireReservations } from './features/expire-reservations.ts';
import { createInventoryService } from './grpc.ts';
import { createInventoryHandlers } from './http.ts';
import { createPostgresCatalogueStore } from './postgres-catalogue-store.ts';
import { createPostgresStockStore } from './postgres-stock-store.ts';
import { inventorySubscriptions } from './subscriptions.ts';

export interface InventoryAppDeps {
  readonly db: Database;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly reservationTtlSeconds: number;
  readonly expiryIntervalMs: number;
}

export interface InventoryApp {
  readonly handlers: readonly RouteHandler[];
  readonly grpcServices: readonly ServedService[];
  readonly subscriptions: ReturnType<typeof inventorySubscriptions>;
  /** Frees overdue reservations until the signal is aborted. */
  readonly expireReservations: (signal: AbortSignal) => Promise<void>;
  /** Adds what is missing of the demo's products; what is there keeps its stock. */
  readonly addDemoProducts: () => Promise<void>;
}

/** Wires the inventory service out of its parts; nothing runs by itself. */
export function createInventoryApp(deps: InventoryAppDeps): InventoryApp {
  const { db, outbox, clock, logger, metrics, reservationTtlSeconds } = deps;
  const stock = createPostgresStockStore(db);
  const catalogue = createPostgresCatalogueStore(db);
  const operations = metrics.counter(
    'inventory_stock_operations_total',
    'What orders asked of the stock.',
    ['operation', 'outcome'],
    '{operation}',
  );
  return {
    handlers: createInventoryHandlers({ catalogue, stock }),
    grpcServices: [createInventoryService({ stock, reservationTtlSeconds, operations })],
    subscriptions: inventorySubscriptions({ stock, reservationTtlSeconds, outbox, operations }),
    expireReservations: (signal) =>
      expireReservations({ stock, clock, logger, intervalMs: deps.expiryIntervalMs }, signal),
    addDemoProducts: () => catalogue.add(demoProducts, 'demo'),
  };
}
