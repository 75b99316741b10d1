import type { RouteHandler } from '@flotilla/http';
import type { Metrics } from '@flotilla/telemetry';
import { resolveOpenPayments } from './features/resolve-open-payments.ts';
import { createPaymentHandlers } from './http.ts';
import type { PaymentDeps } from './settlement.ts';

export interface PaymentApp {
  readonly handlers: readonly RouteHandler[];
  /** Settles payments that were left open, until the signal is aborted. */
  readonly resolveOpenPayments: (signal: AbortSignal) => Promise<void>;
}

export function createPaymentApp(deps: PaymentDeps & { readonly metrics: Metrics }): PaymentApp {
  return {
    handlers: createPaymentHandlers(deps, deps.metrics),
    resolveOpenPayments: (signal) => resolveOpenPayments(deps, signal),
  };
}
