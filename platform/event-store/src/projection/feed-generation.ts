import { crashPoint, isPlatformError, isRetryable, toError } from '@flotilla/kernel';
import { type Deadline, type Transaction, withDeadline } from '@flotilla/postgres';
import { eventStoreError } from '../errors.ts';
import { decodeRow, feedRows } from '../feed/feed.ts';
import type { EventRow } from '../stream/event-row.ts';
import { reserveEvents } from './claim-generation.ts';
import { describeEvent, describeFailure, type FeedingDeps, type FeedOutcome } from './feeding.ts';
import {
  advanceGeneration,
  claimGeneration,
  clearWork,
  failGeneration,
  type Generation,
  leaveGeneration,
} from './generation-store.ts';
import type { Projection } from './projection.ts';
import { judge, nextWork } from './work-mark.ts';

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
    if ('kind' in outcome && outcome.kind === 'taken') continue;
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

interface Progress {
  done: number;
  /** The event that is being handled, or was last. */
  at?: EventRow;
  /** Events were reserved, and none was handled yet. */
  taken?: boolean;
}

async function attempt(
  deps: FeedingDeps,
  projection: Projection,
  { name, generation, alone }: Generation,
  limit: number,
): Promise<FeedOutcome | FailedAttempt> {
  let claimed: Generation | undefined;
  let progress: Progress = { done: 0 };
  try {
    const outcome = await deps.db.transaction(async (tx): Promise<FeedOutcome> => {
      progress = { done: 0 };
      claimed = await claimGeneration(tx, name, generation);
      if (claimed === undefined || !isFed(projection, claimed)) return { kind: 'busy' };
      // A process has ended since we looked: this is not for somebody who has others at work.
      if (claimed.alone > 0 && alone === 0 && judge(claimed, deps.runner) !== 'abandoned')
        return { kind: 'more' };
      const done = await handleNext(deps, projection, tx, claimed, limit, progress);
      if (progress.done > 0) crashPoint('projection.before-commit');
      return done;
    });
    if (progress.taken) crashPoint('projection.after-mark-commit');
    if (progress.done > 0) crashPoint('projection.after-commit');
    return outcome;
  } catch (error) {
    if (claimed === undefined || progress.at === undefined || isOutage(error)) throw error;
    return { failedAfter: progress.done, claimed, row: progress.at, error };
  }
}

/** Handles the next events of a claimed generation, or reserves them, which has to be committed first. */
async function handleNext(
  deps: FeedingDeps,
  projection: Projection,
  tx: Transaction,
  claimed: Generation,
  limit: number,
  progress: Progress,
): Promise<FeedOutcome> {
  const standing = judge(claimed, deps.runner);
  if (standing === 'others') return { kind: 'busy' };
  const work = nextWork(claimed, standing, limit);
  const categories = [...projection.categories.keys()];
  const query = { categories, after: claimed, handled: claimed.handled };
  const rows = await feedRows(tx, { ...query, limit: work.events });
  const [first] = rows;
  const last = rows.at(-1);
  if (first === undefined || last === undefined) {
    // What a process had reserved when it ended may only not be visible yet; a switch that it had begun may have had nothing left.
    const isMarked = claimed.worked_by !== null || claimed.alone > 0;
    const beyond =
      standing === 'abandoned' ? await feedRows(tx, { ...query, limit: 1, beyondHorizon: true }) : [];
    if (isMarked && beyond.length === 0) await clearWork(tx, claimed);
    return { kind: 'caught-up' };
  }
  if (standing !== 'ours') {
    progress.taken = true;
    return await reserveEvents(deps, tx, claimed, { ...work, standing, first });
  }
  await withDeadline(tx, deadlineOf(deps.handlerTimeoutMs), () =>
    handleRows(tx, projection, claimed.generation, rows, progress),
  );
  const isMore = rows.length === work.events;
  const advance = { to: last, events: rows.length, next: isMore ? deps.batchSize : undefined };
  if (!(await advanceGeneration(tx, claimed, advance)))
    throw new Error(`projection ${claimed.name} moved while it was ours`);
  return { kind: isMore ? 'more' : 'caught-up' };
}

/** Of a batch. */
export function deadlineOf(timeoutMs: number): Deadline {
  const reason = () => eventStoreError('EVENT_STORE_HANDLER_TIMEOUT', `not done within ${timeoutMs} ms`);
  return { timeoutMs, reason };
}

/** Handles rows of the log in their order, and leaves behind at which one it was. */
export async function handleRows(
  tx: Transaction,
  projection: Projection,
  generation: number,
  rows: readonly EventRow[],
  progress: Progress,
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

/** This code is older than the event, in a rolling deployment for instance: other runners may know it. */
export function isUnknownEvent(error: unknown): boolean {
  return isPlatformError(error) && error.code === 'EVENT_STORE_UNKNOWN_EVENT';
}

/** For so long a runner leaves a generation alone that it could not go on with: time for others to take it. */
const LEAVE_MS = 5_000;

/** `undefined` when the event has waited for long enough. It costs no attempt: nobody has failed at it. */
async function leaveToOthers(
  { db, logger, unknownEventWaitMs }: FeedingDeps,
  { claimed, row, error }: FailedAttempt,
): Promise<FeedOutcome | undefined> {
  const event = describeEvent(row);
  crashPoint('projection.before-failure-commit');
  const left = await leaveGeneration(db, claimed, { at: row, event, error: describeFailure(error) });
  crashPoint('projection.after-failure-commit');
  const waitedMs = left ?? 0; // somebody has moved it: it is in better hands
  if (left !== undefined && waitedMs >= unknownEventWaitMs) return undefined;
  if (left === 0)
    logger.warn(
      { projection: claimed.name, generation: claimed.generation, event, err: toError(error) },
      'a projection waits for a runner that knows its next event',
    );
  return { kind: 'left', forMs: Math.min(LEAVE_MS, unknownEventWaitMs - waitedMs) };
}

async function recordFailure(deps: FeedingDeps, failed: FailedAttempt): Promise<FeedOutcome> {
  const { db, logger, random, retryDelaysMs } = deps;
  const { claimed, row, error } = failed;
  const left = isUnknownEvent(error) ? await leaveToOthers(deps, failed) : undefined;
  if (left) return left;
  const isFinal = isPlatformError(error) && !isRetryable(error) && !error.code.startsWith('POSTGRES_');
  const delayMs = retryDelaysMs[claimed.attempts];
  const halts = isFinal || delayMs === undefined;
  const event = describeEvent(row);
  crashPoint('projection.before-failure-commit');
  await failGeneration(db, claimed, {
    at: row,
    event,
    error: describeFailure(error),
    retryInMs: (delayMs ?? 0) * (0.5 + random() / 2),
    halts,
  });
  crashPoint('projection.after-failure-commit');
  const facts = { projection: claimed.name, generation: claimed.generation, event, err: toError(error) };
  if (halts) logger.error(facts, 'a projection has halted at an event it cannot handle');
  else logger.warn(facts, 'a projection could not handle an event, it is tried again');
  return { kind: 'failed', halted: halts };
}
