import type { RouteHandler } from '@flotilla/http';
import type { Outbox } from '@flotilla/messaging';
import type { Queryable } from '@flotilla/postgres';
import type { Metrics } from '@flotilla/telemetry';
import { createPaymentResolver, type PaymentResolver } from './features/resolve-open-payments.ts';
import { createPaymentHandlers } from './http.ts';
import type { PaymentStore } from './payment-store.ts';
import type { PaymentDeps } from './settlement.ts';
import { paymentSubscriptions } from './subscriptions.ts';

export interface PaymentAppDeps extends PaymentDeps {
  /** The store as a part of a transaction. */
  readonly storeOn: (queryable: Queryable) => PaymentStore;
  readonly outbox: Outbox;
  readonly metrics: Metrics;
}

export interface PaymentApp {
  readonly handlers: readonly RouteHandler[];
  readonly subscriptions: ReturnType<typeof paymentSubscriptions>;
  /** To be run: settles payments that are due. */
  readonly resolver: PaymentResolver;
}

export function createPaymentApp(deps: PaymentAppDeps): PaymentApp {
  const resolver = createPaymentResolver(deps);
  return {
    handlers: createPaymentHandlers(deps, deps.metrics),
    subscriptions: paymentSubscriptions({ ...deps, onOpen: resolver.nudge }),
    resolver,
  };
}
