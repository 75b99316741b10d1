import { type Clock, crashPoint, isPlatformError } from '@flotilla/kernel';
import type { Database, Transaction } from '@flotilla/postgres';
import type { CallOutcome } from './call-step.ts';
import { commandIdOf } from './command-id.ts';
import { sagaError, toFault } from './errors.ts';
import { faultOf, hooksOf } from './hooks.ts';
import { type Instance, toInstance } from './instance.ts';
import type { Lease } from './leases.ts';
import { recordStep, reloadHeld, type StepRecord } from './saga-store.ts';
import { hasStartedPivot, isEnded, type SagaEvent, type Transition, transition } from './transition.ts';

export interface RecordDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly leaseMs: number;
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
}

const WRITE_ATTEMPTS = 6;

/**
 * Records an outcome with the hooks that belong to it, in one transaction. `undefined`: the instance is no
 * longer ours. A failing hook is recorded as a failed attempt instead, so that the step is tried again.
 */
export async function recordOutcome(
  deps: RecordDeps,
  instance: Instance,
  lease: Lease,
  outcome: CallOutcome,
): Promise<Recorded | undefined> {
  try {
    return await persist(deps, instance, lease, outcome);
  } catch (error) {
    if (isDatabaseAway(error)) throw error;
    return await persist(deps, instance, lease, { event: { kind: 'unrecorded', fault: toFault(error) } });
  }
}

/** Tries until it is written, and computes the transition anew whenever the instance was changed meanwhile. */
async function persist(
  deps: RecordDeps,
  first: Instance,
  lease: Lease,
  outcome: CallOutcome,
): Promise<Recorded | undefined> {
  let before = first;
  for (let attempt = 1; !lease.lost; attempt += 1) {
    try {
      const written = await write(deps, before, lease, outcome);
      if (written) return written;
      const fresh = await reload(deps, before);
      // Elsewhere already: an earlier write of ours was committed although its answer was lost.
      if (fresh === undefined || !isSamePlace(fresh, before)) return fresh && adopted(before, fresh, outcome);
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
  lease: Lease,
  { event, result }: CallOutcome,
): Promise<Recorded | undefined> {
  const next = transition(before.definition.plan, before.state, event, {
    deadlineInMs: before.deadlineAt - performance.now(),
    stuckAfterAttempts: deps.stuckAfterAttempts,
    stuckRetryMs: deps.stuckRetryMs,
    random: deps.random(),
  });
  const takenAt = performance.now();
  const hooks = hooksOf(before, next, event, result);
  const written = hooks
    ? await writeWithHooks(deps, before, next, event, hooks)
    : await writeAlone(deps, before, next, event);
  if (written === undefined) return undefined;
  if (next.waitMs === undefined) lease.until = Math.max(lease.until, takenAt + deps.leaseMs);
  crashPoint('saga.after-record-commit');
  const after = { ...before, state: next.state, data: written, version: before.version + 1 };
  return { before, after, event, transition: next };
}

async function writeAlone(
  deps: RecordDeps,
  before: Instance,
  next: Transition,
  event: SagaEvent,
): Promise<object | undefined> {
  passCrashPoints(next);
  return (await recordStep(deps.db, toRecord(deps, before, next, event, undefined)))
    ? before.data
    : undefined;
}

/**
 * Hooks run before the instance is written, so that domain rows are locked before saga rows: the same order in
 * which a feature locks them that starts or cancels a saga. A write that finds the instance changed takes the
 * hooks back with it.
 */
async function writeWithHooks(
  deps: RecordDeps,
  before: Instance,
  next: Transition,
  event: SagaEvent,
  hooks: (tx: Transaction) => Promise<object>,
): Promise<object | undefined> {
  const superseded = sagaError('SAGA_LEASE_LOST', 'the saga was changed by somebody else');
  try {
    return await deps.db.transaction(async (tx) => {
      const dataJson = JSON.stringify(await hooks(tx));
      if (!(await recordStep(tx, toRecord(deps, before, next, event, dataJson)))) throw superseded;
      passCrashPoints(next);
      return JSON.parse(dataJson) as object; // as it will be read after a restart
    });
  } catch (error) {
    if (error === superseded) return undefined;
    throw error;
  }
}

function passCrashPoints(next: Transition): void {
  crashPoint('saga.before-record-commit');
  if (isEnded(next.state.status)) crashPoint('saga.before-end');
}

function toRecord(
  deps: RecordDeps,
  { id, epoch, version, definition, state }: Instance,
  { state: next, closed, waitMs }: Transition,
  event: SagaEvent,
  dataJson: string | undefined,
): StepRecord {
  const ended = isEnded(next.status);
  const nameOf = (index: number) => definition.steps[index]?.name ?? '';
  const opens = closed !== undefined && !ended ? nameOf(next.step) : undefined;
  return {
    id,
    epoch,
    version,
    status: next.status,
    dataJson,
    step: ended ? undefined : nameOf(next.step),
    direction: next.direction,
    attempt: next.attempt,
    pivotStarted: hasStartedPivot(definition.plan, next),
    reasonJson: next.reason && toJson(next.reason),
    next: ended || waitMs !== undefined ? { waitMs: waitMs ?? 0 } : { leaseMs: deps.leaseMs },
    was: {
      step: nameOf(state.step),
      direction: state.direction,
      status: closed ?? 'open',
      attempts: state.attempt,
      replyJson: event.kind === 'rejected' ? toJson(event.rejection) : undefined,
      fault: faultOf(event),
    },
    opens: opens === undefined ? undefined : commandIdOf(id, opens, next.direction),
  };
}

/** A participant's words, which may come from a generated client: 64-bit integers become text. */
function toJson(value: object): string {
  return JSON.stringify(value, (_key, held: unknown) => (typeof held === 'bigint' ? held.toString() : held));
}

async function reload(deps: RecordDeps, { id, epoch, definition }: Instance): Promise<Instance | undefined> {
  const row = await reloadHeld(deps.db, id, epoch);
  return row && toInstance(row, definition, performance.now());
}

function isSamePlace({ state: a }: Instance, { state: b }: Instance): boolean {
  return a.step === b.step && a.direction === b.direction && a.attempt === b.attempt;
}

function adopted(before: Instance, after: Instance, { event }: CallOutcome): Recorded {
  return { before, after, event, transition: { state: after.state } };
}

function isDatabaseAway(error: unknown): boolean {
  return isPlatformError(error) && error.retryable && error.code.startsWith('POSTGRES_');
}
