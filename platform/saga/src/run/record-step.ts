import { type Clock, crashPoint, isPlatformError } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { SagaEvent, Transition } from '../decide/state.ts';
import { transition } from '../decide/transition.ts';
import { toFault } from '../errors.ts';
import { type Instance, toInstance } from '../store/instance.ts';
import { readHeld } from '../store/instances.ts';
import type { Lease } from './leases.ts';
import {
  type Change,
  needsTransaction,
  type Outcome,
  planChange,
  type WriteDeps,
  type Written,
  writeAlone,
  writeWithHooks,
} from './write.ts';

export interface RecordDeps extends WriteDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly stuckAfterAttempts: number;
  readonly stuckRetryMs: number;
  readonly random: () => number;
}

/** What was written: the transition with the instance before and after it. */
export interface Recorded {
  readonly before: Instance;
  readonly after: Instance;
  readonly event: SagaEvent;
  readonly transition: Transition;
  /** The lease was given up until then. */
  readonly waitMs?: number;
}

/** The lease under which an outcome is recorded, and whether other calls are in flight under it. */
export interface Holding {
  readonly lease: Lease;
  readonly busy: boolean;
}

const WRITE_ATTEMPTS = 6;

/** The rules applied to an instance, with the conditions of this moment. */
export function applyRules(
  deps: Pick<RecordDeps, 'stuckAfterAttempts' | 'stuckRetryMs' | 'random'>,
  before: Instance,
  event: SagaEvent,
): Transition {
  return transition(before.definition.plan, before.state, event, {
    deadlineInMs: before.deadlineAt - performance.now(),
    stuckAfterAttempts: deps.stuckAfterAttempts,
    stuckRetryMs: deps.stuckRetryMs,
    random: deps.random(),
  });
}

/**
 * Records an outcome with the hooks that belong to it, in one transaction. `undefined`: the instance is no
 * longer ours. A failing hook is recorded as a failed attempt instead, so that the step is tried again.
 */
export async function recordOutcome(
  deps: RecordDeps,
  instance: Instance,
  holding: Holding,
  outcome: Outcome,
): Promise<Recorded | undefined> {
  try {
    return await persist(deps, instance, holding, outcome);
  } catch (error) {
    if (isDatabaseAway(error)) throw error;
    const { branch } = outcome.event;
    const event: SagaEvent = {
      kind: 'unrecorded',
      fault: toFault(error),
      ...(branch !== undefined && { branch }),
    };
    return await persist(deps, instance, holding, { event });
  }
}

/** Tries until it is written, and computes the transition anew whenever the instance was changed meanwhile. */
async function persist(
  deps: RecordDeps,
  first: Instance,
  holding: Holding,
  outcome: Outcome,
): Promise<Recorded | undefined> {
  let before = first;
  for (let attempt = 1; !holding.lease.lost; attempt += 1) {
    try {
      const written = await write(deps, before, holding, outcome);
      if (written) return written;
      const fresh = await reload(deps, before);
      // Elsewhere already: an earlier write of ours was committed although its answer was lost, or a reply came.
      if (fresh === undefined || !isSamePlace(fresh, before, outcome.event.branch ?? ''))
        return fresh && { before, after: fresh, event: outcome.event, transition: { state: fresh.state } };
      before = fresh;
    } catch (error) {
      if (!isDatabaseAway(error) || attempt >= WRITE_ATTEMPTS) throw error;
      await deps.clock.sleep(deps.random() * 50 * 2 ** attempt);
    }
  }
  return undefined;
}

async function write(
  deps: RecordDeps,
  before: Instance,
  { lease, busy }: Holding,
  outcome: Outcome,
): Promise<Recorded | undefined> {
  const next = applyRules(deps, before, outcome.event);
  const change = planChange({ ...outcome, before, transition: next, holder: { busy } });
  const takenAt = performance.now();
  const written = needsTransaction(change)
    ? await writeTogether(deps, change)
    : await writeAlone(deps, deps.db, change);
  if (written === undefined) return undefined;
  const { after, waitMs } = written;
  if (waitMs === undefined) lease.until = Math.max(lease.until, takenAt + deps.leaseMs);
  crashPoint('saga.after-record-commit');
  const recorded = { before, after, event: outcome.event, transition: next };
  return waitMs === undefined ? recorded : { ...recorded, waitMs };
}

async function writeTogether(deps: RecordDeps, change: Change): Promise<Written | undefined> {
  try {
    return await deps.db.transaction((tx) => writeWithHooks(deps, tx, change));
  } catch (error) {
    if (isPlatformError(error) && error.code === 'SAGA_CHANGED') return undefined;
    throw error;
  }
}

async function reload(deps: RecordDeps, { id, epoch, definition }: Instance): Promise<Instance | undefined> {
  const row = await readHeld(deps.db, id, epoch);
  return row && toInstance(row, definition, performance.now());
}

/** Is this attempt still the one that is waited for? */
function isSamePlace(
  { state: a, open: c }: Instance,
  { state: b, open: d }: Instance,
  branch: string,
): boolean {
  const one = c.find((open) => open.branch === branch);
  const other = d.find((open) => open.branch === branch);
  const retries = ({ branches = [] }: typeof a) => branches.find(({ name }) => name === branch)?.retries;
  return (
    a.step === b.step &&
    a.direction === b.direction &&
    a.attempt === b.attempt &&
    retries(a) === retries(b) &&
    one?.epoch === other?.epoch &&
    one?.sent === other?.sent
  );
}

/** Too slow a statement may be that of a hook: it costs an attempt, so that somebody sees it in the end. */
function isDatabaseAway(error: unknown): boolean {
  if (!isPlatformError(error) || error.code === 'POSTGRES_TIMEOUT') return false;
  return error.retryable && error.code.startsWith('POSTGRES_');
}
