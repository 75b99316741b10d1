import type { Payment } from '../domain/payment.ts';
import { type PaymentDeps, recordOutcome, underLease } from '../settlement.ts';
import { finishClosing } from './refund-order.ts';

const PAUSE_MS = 1_000;
const BATCH = 20;

/**
 * Settles payments that were left open: by a crash between capture and commit, or by a caller that never came
 * back. It asks the provider, and finishes what was closed; it never starts a charge of its own, because only the
 * order's saga knows whether the charge is still wanted. Runs until the signal is aborted.
 */
export async function resolveOpenPayments(deps: PaymentDeps, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await resolveOnce(deps, signal);
    } catch (error) {
      deps.logger.warn({ err: error }, 'open payments could not be looked at; trying again');
    }
    await deps.clock.sleep(PAUSE_MS, signal).catch(() => undefined);
  }
}

/** One round; returns how many payments were taken up. */
export async function resolveOnce(deps: PaymentDeps, signal: AbortSignal): Promise<number> {
  const holder = deps.newId();
  const payments = await deps.store.takeOverdue(holder, BATCH);
  await Promise.all(payments.map((payment) => resolve(deps, payment, holder, signal)));
  return payments.length;
}

async function resolve(
  deps: PaymentDeps,
  payment: Payment,
  holder: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    const status = await underLease(deps, payment, holder, () => settle(deps, payment, holder, signal));
    deps.logger.info(
      { paymentId: payment.id, orderId: payment.orderId, status },
      'an open payment was looked at',
    );
  } catch (error) {
    deps.logger.warn({ err: error, paymentId: payment.id }, 'an open payment could not be settled yet');
  }
}

async function settle(
  deps: PaymentDeps,
  payment: Payment,
  holder: string,
  signal: AbortSignal,
): Promise<string> {
  if (payment.status !== 'pending') return await finishClosing(deps, payment, holder, signal);
  const outcome = await deps.provider.find(payment.id, signal);
  if (outcome) return (await recordOutcome(deps, payment, outcome, holder)).status;
  await deps.store.release(payment.id, holder);
  return 'pending';
}
