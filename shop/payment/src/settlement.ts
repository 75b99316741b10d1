import { type Clock, crashPoint, isPlatformError, type NewId } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import {
  decideOutcome,
  evolve,
  type Payment,
  type PaymentChange,
  type ProviderOutcome,
} from './domain/payment.ts';
import { paymentError } from './errors.ts';
import type { PaymentProvider } from './payment-provider.ts';
import type { PaymentStore } from './payment-store.ts';

/** What every use case of this service works with. */
export interface PaymentDeps {
  readonly store: PaymentStore;
  readonly provider: PaymentProvider;
  readonly clock: Clock;
  readonly newId: NewId;
  /** 0 ≤ random() < 1 */
  readonly random: () => number;
  readonly logger: Logger;
}

const TURN_POLL_MS = 50;
const TURN_WAIT_MS = 3_000;

/**
 * Waits until the payment is settled enough for the caller, or until it is the caller's turn to talk to the
 * provider. Throws `PAYMENT_IN_PROGRESS` when neither happens within 3 s.
 */
export async function takeTurn(
  deps: PaymentDeps,
  orderId: string,
  turn: { readonly holder: string; readonly isSettled: (payment: Payment) => boolean },
  signal: AbortSignal,
): Promise<Payment> {
  const endMs = deps.clock.now().getTime() + TURN_WAIT_MS;
  for (;;) {
    const payment = await mustFind(deps, orderId);
    if (turn.isSettled(payment)) return payment;
    const leased = await deps.store.lease(payment.id, turn.holder);
    if (leased) return leased;
    if (deps.clock.now().getTime() >= endMs)
      throw paymentError('PAYMENT_IN_PROGRESS', 'the payment is being settled by somebody else');
    await deps.clock.sleep(TURN_POLL_MS, signal);
  }
}

/** Records what the provider said, deciding again if the payment moved on meanwhile; returns how it stands then. */
export async function recordOutcome(
  deps: PaymentDeps,
  payment: Payment,
  outcome: ProviderOutcome,
  holder: string,
): Promise<Payment> {
  return await recordChange(deps, payment, holder, (current) => decideOutcome(current, outcome));
}

/** Decides and writes until the write is accepted, or nothing is left to write. */
export async function recordChange(
  deps: PaymentDeps,
  payment: Payment,
  holder: string,
  decide: (payment: Payment) => PaymentChange | undefined,
): Promise<Payment> {
  let current = payment;
  for (;;) {
    const change = decide(current);
    if (!change) return current;
    crashPoint('payment.before-outcome-commit');
    if (await deps.store.change(current, change, holder)) {
      crashPoint('payment.after-outcome-commit');
      return evolve(current, change);
    }
    current = await mustFind(deps, current.orderId);
  }
}

/** Runs `work` under a lease; when it fails, the lease is given up at once so that a retry need not wait. */
export async function underLease<T>(
  deps: PaymentDeps,
  payment: Payment,
  holder: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await deps.store.release(payment.id, holder).catch((failed: unknown) => {
      deps.logger.warn(
        { err: failed, paymentId: payment.id },
        'a lease could not be released; it will expire',
      );
    });
    throw error;
  }
}

export function isProviderUnavailable(error: unknown): boolean {
  return isPlatformError(error) && error.code === 'PAYMENT_PROVIDER_UNAVAILABLE';
}

async function mustFind(deps: PaymentDeps, orderId: string): Promise<Payment> {
  const payment = await deps.store.find(orderId);
  if (!payment) throw new Error('a payment vanished');
  return payment;
}
