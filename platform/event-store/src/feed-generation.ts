import { type Clock, crashPoint, isPlatformError, isRetryable, toError } from '@flotilla/kernel';
import type { Database, Transaction } from '@flotilla/postgres';
import type { Logger } from '@flotilla/telemetry';
import { withDeadline } from './deadline.ts';
import type { EventRow } from './event-row.ts';
import { decodeRow, feedRows } from './feed.ts';
import { advanceGeneration, claimGeneration, failGeneration, type Generation } from './generation-store.ts';
import type { Projection } from './projection.ts';

export interface FeedingDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly batchSize: number;
  /** Pause before each further attempt at an event; when they are used up the projection halts. */
  readonly retryDelaysMs: readonly number[];
  readonly handlerTimeoutMs: number;
}

/** `more`: there may be more to do at once. `busy`: another runner has it, or it must wait. */
export type FeedOutcome =
  | { readonly kind: 'more' | 'busy' }
  | { readonly kind: 'caught-up' }
  | { readonly kind: 'failed'; readonly halted: boolean };

/** Does the runner write this generation? An inline one is written by appends once readers see it. */
export function isFed({ inline }: Projection, { state }: Generation): boolean {
  return state === 'building' || (state === 'active' && !inline);
}

/**
 * Handles a batch: rows of the read model and the position behind them are one transaction. What came before an event
 * that fails is not to blame: it is handled without it, and the event is met again as the first of a batch.
 */
export async function feedGeneration(
  deps: FeedingDeps,
  projection: Projection,
  generation: Generation,
): Promise<FeedOutcome> {
  let limit = deps.batchSize;
  for (;;) {
    const outcome = await attempt(deps, projection, generation, limit);
    if (!('failedAfter' in outcome)) return limit === deps.batchSize ? outcome : { kind: 'more' };
    const { failedAfter } = outcome;
    if (failedAfter === 0 || limit === 1) return await recordFailure(deps, outcome);
    // Every handler ended well and the batch failed all the same: one has swallowed the error of a statement.
    limit = failedAfter < limit ? failedAfter : 1;
  }
}

interface FailedAttempt {
  readonly failedAfter: number;
  readonly claimed: Generation;
  readonly row: EventRow;
  readonly error: unknown;
}

async function attempt(
  { db, clock, handlerTimeoutMs }: FeedingDeps,
  projection: Projection,
  { name, generation }: Generation,
  limit: number,
): Promise<FeedOutcome | FailedAttempt> {
  let claimed: Generation | undefined;
  const progress: { done: number; at?: EventRow } = { done: 0 };
  try {
    const outcome = await db.transaction(async (tx): Promise<FeedOutcome> => {
      progress.done = 0;
      delete progress.at;
      claimed = await claimGeneration(tx, name, generation);
      if (claimed === undefined || !isFed(projection, claimed)) return { kind: 'busy' };
      const { handled } = claimed;
      const categories = [...projection.categories.keys()];
      const rows = await feedRows(tx, { categories, after: claimed, limit, handled });
      await withDeadline(tx, handlerTimeoutMs, clock, (guarded) =>
        handleRows(guarded, projection, generation, rows, progress),
      );
      const last = rows.at(-1);
      if (last === undefined) return { kind: 'caught-up' };
      if (!(await advanceGeneration(tx, claimed, last)))
        throw new Error(`projection ${name} moved while it was ours`);
      crashPoint('projection.before-commit');
      return { kind: rows.length < limit ? 'caught-up' : 'more' };
    });
    if (progress.done > 0) crashPoint('projection.after-commit');
    return outcome;
  } catch (error) {
    if (claimed === undefined || progress.at === undefined || isOutage(error)) throw error;
    return { failedAfter: progress.done, claimed, row: progress.at, error };
  }
}

/** Handles rows of the log in their order, and leaves behind at which one it was. */
export async function handleRows(
  tx: Transaction,
  projection: Projection,
  generation: number,
  rows: readonly EventRow[],
  progress: { done: number; at?: EventRow },
): Promise<void> {
  for (const row of rows) {
    progress.at = row;
    await projection.handle(tx, decodeRow(projection.categories, row), { generation });
    progress.done += 1;
  }
}

/** The database's fault, not the event's: it costs no attempt. */
function isOutage(error: unknown): boolean {
  return (
    isPlatformError(error) &&
    ['POSTGRES_UNAVAILABLE', 'POSTGRES_POOL_EXHAUSTED', 'POSTGRES_CONFLICT'].includes(error.code)
  );
}

const MAX_ERROR_CHARS = 500;

async function recordFailure(
  { db, logger, random, retryDelaysMs }: FeedingDeps,
  { claimed, row, error }: FailedAttempt,
): Promise<FeedOutcome> {
  const isFinal = isPlatformError(error) && !isRetryable(error) && !error.code.startsWith('POSTGRES_');
  const delayMs = retryDelaysMs[claimed.attempts];
  const halts = isFinal || delayMs === undefined;
  const event = `${row.type}, version ${row.version} of ${row.stream_id}`;
  const { message } = toError(error);
  crashPoint('projection.before-failure-commit');
  await failGeneration(db, claimed, {
    at: row,
    event,
    error: `${isPlatformError(error) ? `${error.code}: ` : ''}${message}`.slice(0, MAX_ERROR_CHARS),
    retryInMs: (delayMs ?? 0) * (0.5 + random() / 2),
    halts,
  });
  crashPoint('projection.after-failure-commit');
  const facts = { projection: claimed.name, generation: claimed.generation, event, err: toError(error) };
  if (halts) logger.error(facts, 'a projection has halted at an event it cannot handle');
  else logger.warn(facts, 'a projection could not handle an event, it is tried again');
  return { kind: 'failed', halted: halts };
}
