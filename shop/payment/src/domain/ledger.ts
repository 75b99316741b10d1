import type { Money } from '@flotilla/kernel';

export type Account = 'provider-clearing' | 'sales' | 'refunds';

/** A debit is positive, a credit negative. */
export interface LedgerEntry {
  readonly account: Account;
  readonly amount: Money;
}

export interface LedgerTransaction {
  readonly kind: 'capture' | 'refund';
  /** The provider's id of the charge or refund. */
  readonly providerReference: string;
  readonly entries: readonly LedgerEntry[];
}

/** The provider owes us what it captured. */
export function bookCapture(amount: Money, chargeId: string): LedgerTransaction {
  return {
    kind: 'capture',
    providerReference: chargeId,
    entries: [debit('provider-clearing', amount), credit('sales', amount)],
  };
}

/** What was given back is shown as such, not as a smaller sale. */
export function bookRefund(amount: Money, refundId: string): LedgerTransaction {
  return {
    kind: 'refund',
    providerReference: refundId,
    entries: [debit('refunds', amount), credit('provider-clearing', amount)],
  };
}

function debit(account: Account, amount: Money): LedgerEntry {
  return { account, amount };
}

function credit(account: Account, amount: Money): LedgerEntry {
  return { account, amount: { amountMinor: 0 - amount.amountMinor, currency: amount.currency } };
}
