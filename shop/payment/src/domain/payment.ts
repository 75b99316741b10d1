import type { Money } from '@flotilla/kernel';
import { bookCapture, bookRefund, type LedgerTransaction } from './ledger.ts';

/**
 * A charge is `pending` until the provider has said what became of it. An order may be closed at any moment:
 * an open charge is then `voiding` until the provider has promised not to capture it, a captured one
 * `refunding` until the money is back. Nothing leaves `refunded`; `declined` and `voided` are left only if the
 * provider, against its promise, turns out to have captured.
 */
export type PaymentStatus =
  | 'pending'
  | 'captured'
  | 'declined'
  | 'voiding'
  | 'voided'
  | 'refunding'
  | 'refunded';

export interface Payment {
  /** Also the idempotency key of its charge at the provider. */
  readonly id: string;
  readonly orderId: string;
  readonly status: PaymentStatus;
  /** Absent when the order was closed before it was ever charged. */
  readonly amount?: Money;
  /** Kept while the charge is pending. */
  readonly token?: string;
  readonly chargeId?: string;
  readonly declineReason?: string;
  /** The order runs by events: whoever settles the payment tells how it ended. */
  readonly byEvents?: true;
}

/** What the provider says became of a charge. */
export type ProviderOutcome =
  | { readonly status: 'captured'; readonly chargeId: string }
  | { readonly status: 'declined'; readonly reason: string }
  | { readonly status: 'voided' };

/** One step of a payment's life, written together with the booking that belongs to it. */
export interface PaymentChange {
  readonly to: PaymentStatus;
  readonly chargeId?: string;
  readonly declineReason?: string;
  readonly booking?: LedgerTransaction;
}

/** What a caller who wants the order charged is told. */
export type ChargeAnswer =
  | { readonly status: 'captured'; readonly paymentId: string }
  | { readonly status: 'declined'; readonly paymentId: string; readonly reason: string };

const ORDER_CLOSED = 'order-closed';

/** The final answer to a charge, or `undefined` while the provider has to be asked. */
export function chargeAnswer(payment: Payment): ChargeAnswer | undefined {
  if (payment.status === 'pending') return undefined;
  if (payment.status === 'captured') return { status: 'captured', paymentId: payment.id };
  return { status: 'declined', paymentId: payment.id, reason: payment.declineReason ?? ORDER_CLOSED };
}

/** The final answer to a refund, or `undefined` while the provider has to be asked. */
export function refundAnswer(payment: Payment): 'refunded' | 'voided' | undefined {
  if (payment.status === 'refunded') return 'refunded';
  if (payment.status === 'voided' || payment.status === 'declined') return 'voided';
  return undefined;
}

/** Is this another charge than the one that was made for the order? */
export function isMismatch(payment: Payment, amount: Money): boolean {
  return (
    payment.amount !== undefined &&
    (payment.amount.amountMinor !== amount.amountMinor || payment.amount.currency !== amount.currency)
  );
}

/** Closing never waits for the provider: from here on every capture will be given back. */
export function decideClose(payment: Payment): PaymentChange | undefined {
  if (payment.status === 'pending') return { to: 'voiding' };
  if (payment.status === 'captured') return { to: 'refunding' };
  return undefined;
}

/** What to record when the provider has said what became of the charge; `undefined` when nothing is new. */
export function decideOutcome(payment: Payment, outcome: ProviderOutcome): PaymentChange | undefined {
  const { status, amount } = payment;
  if (outcome.status === 'captured') {
    const booked = status === 'captured' || status === 'refunding' || status === 'refunded';
    if (booked || amount === undefined) return undefined;
    // A capture that comes to light after all counts, whatever we believed: money that moved is booked.
    return {
      to: status === 'pending' ? 'captured' : 'refunding',
      chargeId: outcome.chargeId,
      booking: bookCapture(amount, outcome.chargeId),
    };
  }
  if (status === 'voiding') return { to: 'voided' };
  if (status !== 'pending') return undefined;
  if (outcome.status === 'voided') return { to: 'voided' };
  return { to: 'declined', declineReason: outcome.reason };
}

export function decideRefunded(payment: Payment, refundId: string): PaymentChange | undefined {
  if (payment.status !== 'refunding' || payment.amount === undefined) return undefined;
  return { to: 'refunded', booking: bookRefund(payment.amount, refundId) };
}

/** What others are told of a payment. */
export type Announcement =
  | { readonly kind: 'processed' }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'refunded'; readonly outcome: 'refunded' | 'voided' };

/** What has to be told when a payment changes; `undefined` while its outcome is open. */
export function announcementOf(payment: Payment, change: PaymentChange): Announcement | undefined {
  switch (change.to) {
    case 'captured':
      return { kind: 'processed' };
    case 'declined':
      return { kind: 'failed', reason: change.declineReason ?? ORDER_CLOSED };
    case 'voided':
      if (payment.status === 'pending') return { kind: 'failed', reason: ORDER_CLOSED };
      return { kind: 'refunded', outcome: 'voided' };
    case 'refunded':
      return { kind: 'refunded', outcome: 'refunded' };
    case 'pending':
    case 'voiding':
    case 'refunding':
      return undefined;
  }
}

/** The payment after a change. */
export function evolve(payment: Payment, change: PaymentChange): Payment {
  const { id, orderId, amount } = payment;
  const chargeId = change.chargeId ?? payment.chargeId;
  return {
    id,
    orderId,
    status: change.to,
    ...(amount && { amount }),
    ...(chargeId !== undefined && { chargeId }),
    ...(change.declineReason !== undefined && { declineReason: change.declineReason }),
    ...(payment.byEvents && { byEvents: true }),
  };
}
