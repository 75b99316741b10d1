import { type StockLine, sameLines } from './stock-line.ts';

/**
 * What an order has of the stock.
 * `expired` was given back by time and may be taken again when the order is committed after all;
 * `released` was given back by the order and is final.
 */
export type ReservationStatus = 'held' | 'committed' | 'expired' | 'released';

export interface Reservation {
  readonly status: ReservationStatus;
  /** Merged, in product order; none when the order was released before it reserved. */
  readonly lines: readonly StockLine[];
}

export type ReserveDecision = 'take' | 'take-again' | 'already' | 'order-closed' | 'other-lines';

/** `lines` as `mergeLines` gives them. */
export function decideReserve(
  existing: Reservation | undefined,
  lines: readonly StockLine[],
): ReserveDecision {
  if (existing === undefined) return 'take';
  if (existing.status === 'released') return 'order-closed';
  if (!sameLines(existing.lines, lines)) return 'other-lines';
  return existing.status === 'expired' ? 'take-again' : 'already';
}

export type CommitDecision = 'sell-held' | 'sell-free' | 'already' | 'order-closed';

/** An order that never reserved cannot be committed: there is nothing to sell. */
export function decideCommit(existing: Reservation | undefined): CommitDecision {
  switch (existing?.status) {
    case 'held':
      return 'sell-held';
    case 'expired':
      return 'sell-free';
    case 'committed':
      return 'already';
    case 'released':
    case undefined:
      return 'order-closed';
  }
}

export type ReleaseDecision = 'give-back-held' | 'take-back-sold' | 'bar' | 'already';

/** `bar`: nothing is held, or not yet, but a reserve or commit that comes later must be refused. */
export function decideRelease(existing: Reservation | undefined): ReleaseDecision {
  switch (existing?.status) {
    case 'held':
      return 'give-back-held';
    case 'committed':
      return 'take-back-sold';
    case 'released':
      return 'already';
    case 'expired':
    case undefined:
      return 'bar';
  }
}
