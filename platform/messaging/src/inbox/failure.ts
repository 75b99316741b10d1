import { isPlatformError, spread, toError } from '@flotilla/kernel';
import { type Database, storableText } from '@flotilla/postgres';
import type { Task } from './task.ts';

/** What becomes of a message whose handler failed. */
export type Verdict =
  | { readonly kind: 'retry'; readonly delayMs: number }
  | { readonly kind: 'dead-letter'; readonly reason: string };

/** `failures`: those before this one. */
export function judgeFailure({ retryDelaysMs }: Task, failures: number, error: Error): Verdict {
  if (isTerminal(error)) return { kind: 'dead-letter', reason: `it cannot succeed: ${error.message}` };
  const delayMs = retryDelaysMs[failures];
  return delayMs === undefined
    ? { kind: 'dead-letter', reason: `it failed ${failures + 1} times: ${error.message}` }
    : { kind: 'retry', delayMs: spread(delayMs) };
}

const MAX_DESCRIPTION_LENGTH = 4_000;

/** The code and the stack, as an operator wants to read them. */
export function describeError(error: Error): string {
  const code = isPlatformError(error) ? `${error.code} ` : '';
  return storableText(`${code}${error.stack ?? error.message}`, MAX_DESCRIPTION_LENGTH);
}

export function codeOf(error: unknown): string {
  return isPlatformError(error) ? error.code : toError(error).name;
}

/** A defect known not to go away. What the database reports may depend on the moment, so it is tried again. */
function isTerminal(error: Error): boolean {
  return isPlatformError(error) && !error.retryable && !error.code.startsWith('POSTGRES_');
}

/** Others have locked what it needs, and may wait for what it has locked. */
export function isContention(error: unknown): boolean {
  if (!isPlatformError(error)) return false;
  return error.code === 'POSTGRES_CONFLICT' || error.details['sqlState'] === LOCK_NOT_AVAILABLE;
}

const LOCK_NOT_AVAILABLE = '55P03';

export function isConnectionLoss(error: unknown): boolean {
  return (
    isPlatformError(error) &&
    (error.code === 'POSTGRES_UNAVAILABLE' || error.code === 'POSTGRES_POOL_EXHAUSTED')
  );
}

/** A connection may break because of the message too: only a database that does not answer, or takes no writes, is away. */
export async function isUnreachable(db: Database, error: unknown): Promise<boolean> {
  if (!isConnectionLoss(error)) return false;
  try {
    const [row] = await db.query<{ read_only: string }>(
      "SELECT current_setting('transaction_read_only') AS read_only",
    );
    return row?.read_only === 'on';
  } catch (failed) {
    return isConnectionLoss(failed);
  }
}
