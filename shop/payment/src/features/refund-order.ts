import { crashPoint } from '@flotilla/kernel';
import { decideClose, decideRefunded, evolve, type Payment, refundAnswer } from '../domain/payment.ts';
import { paymentError } from '../errors.ts';
import type { PaymentStore } from '../payment-store.ts';
import { type PaymentDeps, recordChange, recordOutcome, takeTurn, underLease } from '../settlement.ts';

type RefundAnswer = 'refunded' | 'voided';

/**
 * Gives back whatever was captured for an order and refuses any later capture. The order is closed first, in
 * one write; only then is the provider asked, so neither a crash nor a late capture can undo the decision.
 */
export async function refundOrder(
  deps: PaymentDeps,
  orderId: string,
  signal: AbortSignal,
): Promise<RefundAnswer> {
  const holder = deps.newId();
  const closed = await closeOrder(deps.store, orderId, holder);
  if (closed === 'voided') return 'voided';
  const isSettled = (payment: Payment) => refundAnswer(payment) !== undefined;
  const payment = closed ?? (await takeTurn(deps, orderId, { holder, isSettled }, signal));
  const settled =
    refundAnswer(payment) ??
    (await underLease(deps, payment, holder, () => finishClosing(deps, payment, holder, signal)));
  return settled;
}

/** Brings a closed payment to its end: fences an open charge, gives a captured one back. Idempotent. */
export async function finishClosing(
  deps: PaymentDeps,
  payment: Payment,
  holder: string,
  signal: AbortSignal,
): Promise<RefundAnswer> {
  let current = payment;
  if (current.status === 'voiding') {
    const outcome = await deps.provider.voidCharge(current.id, signal);
    current = await recordOutcome(deps, current, outcome, holder);
  }
  if (current.status === 'refunding') current = await giveBack(deps, current, holder, signal);
  const answer = refundAnswer(current);
  if (!answer) throw paymentError('PAYMENT_OUTCOME_UNKNOWN', `the payment is still ${current.status}`);
  return answer;
}

async function giveBack(
  deps: PaymentDeps,
  payment: Payment,
  holder: string,
  signal: AbortSignal,
): Promise<Payment> {
  if (payment.amount === undefined) throw new Error('a captured payment has an amount');
  crashPoint('payment.before-refund-call');
  const { refundId } = await deps.provider.refund(
    { key: payment.id, refundKey: `${payment.id}:refund`, amount: payment.amount },
    signal,
  );
  crashPoint('payment.after-refund-call');
  const refunded = await recordChange(deps, payment, holder, (current) => decideRefunded(current, refundId));
  crashPoint('payment.after-refund-commit');
  return refunded;
}

/** The payment when this call closed it and holds its lease; `undefined` when it had been closed before. */
export async function closeOrder(
  store: PaymentStore,
  orderId: string,
  holder: string,
): Promise<Payment | 'voided' | undefined> {
  for (;;) {
    const payment = await store.find(orderId);
    if (!payment) {
      if (await store.bury(orderId)) return 'voided';
      continue;
    }
    const change = decideClose(payment);
    if (!change) return undefined;
    crashPoint('payment.before-close-commit');
    if (await store.change(payment, change, holder)) {
      crashPoint('payment.after-close-commit');
      return evolve(payment, change);
    }
  }
}
