import type { ServedService } from '@flotilla/grpc';
import type { RouteHandler } from '@flotilla/http';
import type { Clock } from '@flotilla/kernel';
import type { Outbox } from '@flotilla/messaging';
import type { Logger, Metrics } from '@flotilla/telemetry';
import type { CatalogueStore } from './catalogue-store.ts';
import { demoProducts } from './demo-products.ts';
import { expireReservations } from './features/expire-reservations.ts';
import { createInventoryService } from './grpc.ts';
import { createInventoryHandlers } from './http.ts';
import type { StockStore } from './stock-store.ts';
import { inventorySubscriptions } from './subscriptions.ts';

export interface InventoryAppDeps {
  readonly stock: StockStore;
  readonly catalogue: CatalogueStore;
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
  const { stock, catalogue, outbox, clock, logger, metrics, reservationTtlSeconds } = deps;
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
