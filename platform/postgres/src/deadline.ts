import { within } from '@flotilla/kernel';
import { allowIdle } from './session.ts';
import type { Queryable } from './transaction.ts';

/** The limit of the work comes before that of its session. */
const IDLE_MARGIN_MS = 5_000;

export interface Deadline {
  readonly timeoutMs: number;
  /** Made when the time is up. */
  readonly reason: () => Error;
}

/**
 * Runs work that belongs to an open transaction for `timeoutMs` at most, then rejects with `reason`; between two statements the
 * session may wait as long. The transaction has to fail then: from its rollback on it refuses whatever the work still sends.
 */
export async function withDeadline<T>(
  tx: Queryable,
  { timeoutMs, reason }: Deadline,
  work: () => Promise<T>,
): Promise<T> {
  await allowIdle(tx, timeoutMs + IDLE_MARGIN_MS);
  return await within(timeoutMs, work, { reason });
}
