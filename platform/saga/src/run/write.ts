import { crashPoint } from '@flotilla/kernel';
import type { Outbox } from '@flotilla/messaging';
import { type Queryable, storableJson, type Transaction } from '@flotilla/postgres';
import {
  hasStartedPivot,
  isEnded,
  type SagaEvent,
  type SagaState,
  type Transition,
} from '../decide/state.ts';
import { stepAt } from '../define/definition.ts';
import { isMessage } from '../define/step.ts';
import { sagaError } from '../errors.ts';
import type { Instance, OpenStep } from '../store/instance.ts';
import { recordStep, type StepRecord } from '../store/records.ts';
import { faultOf, hooksOf, type RunHooks } from './hooks.ts';
import {
  commandOf,
  dueInMs,
  type Opening,
  openAll,
  type Place,
  reopen,
  timeoutMsOf,
  toOpeningRow,
} from './opening.ts';
import { jsonOf } from './rejection.ts';
import { timeToOpen } from './time-to-open.ts';

/** What happened to an instance; `result` is what `do` gave, for `onDone`. */
export interface Outcome {
  readonly event: SagaEvent;
  readonly result?: unknown;
}

export interface WriteDeps {
  readonly leaseMs: number;
  readonly outbox: Pick<Outbox, 'publish'> | undefined;
}

/** One transition that is to be written. */
export interface Change extends Outcome {
  readonly before: Instance;
  readonly transition: Transition;
  readonly hooks: RunHooks | undefined;
  /** By the engine that holds the lease, and whether it has other calls in flight. */
  readonly holder?: { readonly busy: boolean };
}

/** What was written. */
export interface Written {
  readonly after: Instance;
  /** The lease was given up until then; `undefined`: the holder keeps it. */
  readonly waitMs: number | undefined;
}

/** A transition with the hooks that are to be run when it is written. */
export function planChange(change: Omit<Change, 'hooks'>): Change {
  const { before, transition, event, result } = change;
  return { ...change, hooks: hooksOf(before, transition, event, result) };
}

/** Does writing it take a transaction: are there hooks to run or commands to send? */
export function needsTransaction({ before, event, transition, hooks }: Change): boolean {
  if (event.kind === 'sent' || hooks) return true;
  if (isEnded(transition.state.status) || !hasMoved(before.state, transition.state)) return false;
  const { definition } = before;
  const { step, branches } = transition.state;
  const names = branches?.map(({ name }) => name) ?? [''];
  return names.some((name) => isMessage(stepAt(definition, step, name)));
}

/** Writes a change that needs no transaction; `undefined` when the instance was changed meanwhile. */
export async function writeAlone(
  deps: WriteDeps,
  db: Queryable,
  change: Change,
): Promise<Written | undefined> {
  passCrashPoints(change);
  const date = await timeToOpen(db, change.before, change.transition.state);
  const { after, record } = draft(deps, change, { data: change.before.data, dataJson: undefined, date });
  return (await recordStep(db, record)) ? written(after, record) : undefined;
}

/**
 * Writes a change with its hooks and commands. Hooks run before the instance is written, so that domain rows are locked
 * before saga rows: the same order in which a feature locks them that starts or cancels a saga. Throws
 * `SAGA_CHANGED` when the instance was changed meanwhile: the caller takes everything back.
 */
export async function writeWithHooks(deps: WriteDeps, tx: Transaction, change: Change): Promise<Written> {
  const { hooks } = change;
  const dataJson = hooks && storableJson(JSON.stringify(await hooks(tx)));
  // As it will be read after a restart.
  const data = dataJson === undefined ? change.before.data : (JSON.parse(dataJson) as object);
  const date = await timeToOpen(tx, change.before, change.transition.state);
  const { after, record, sends } = draft(deps, change, { data, dataJson, date });
  if (!(await recordStep(tx, record)))
    throw sagaError('SAGA_CHANGED', 'the saga was changed by somebody else', {
      details: { sagaId: record.id },
    });
  await publish(deps, tx, after.id, sends);
  passCrashPoints(change);
  return written(after, record);
}

function written(after: Instance, { next }: StepRecord): Written {
  return { after, waitMs: 'waitMs' in next ? next.waitMs : undefined };
}

export async function publish(
  { outbox }: Pick<WriteDeps, 'outbox'>,
  tx: Transaction,
  sagaId: string,
  sends: readonly Pick<Opening, 'send' | 'commandId'>[],
): Promise<void> {
  for (const { send, commandId } of sends) {
    if (send === undefined) continue;
    if (outbox === undefined) throw new TypeError('the saga engine has no outbox to send commands with');
    await send.publish(outbox, tx, commandId, sagaId);
  }
}

function passCrashPoints({ transition }: Change): void {
  crashPoint('saga.before-record-commit');
  if (isEnded(transition.state.status)) crashPoint('saga.before-end');
}

interface Draft {
  readonly after: Instance;
  readonly record: StepRecord;
  readonly sends: readonly Pick<Opening, 'send' | 'commandId'>[];
}

interface Ground {
  readonly data: object;
  /** If it has changed. */
  readonly dataJson: string | undefined;
  readonly date: Date | undefined;
}

function draft(deps: WriteDeps, change: Change, { data, dataJson, date }: Ground): Draft {
  const { before, transition, holder, event } = change;
  const { state } = transition;
  const { definition } = before;
  const place: Place = { instance: before, state, data, now: performance.now(), date };
  const ended = isEnded(state.status);
  const opens = openedBy(change, place);
  const was = wasOpen(change, place);
  const moved = hasMoved(before.state, state);
  const kept = moved ? [] : before.open.filter(({ branch }) => branch !== (event.branch ?? ''));
  const open = ended ? [] : [...kept, ...(was.still ? [was.still] : []), ...opens];
  const waitMs = ended ? 0 : dueInMs(place, open);
  const keeps = !ended && (holder?.busy || waitMs === 0);
  const record: StepRecord = {
    ...{ id: before.id, version: before.version, epoch: before.epoch, held: holder !== undefined },
    ...{ status: state.status, direction: state.direction, attempt: state.attempt, dataJson },
    step: ended ? undefined : (definition.plan.steps[state.step]?.name ?? ''),
    pivotStarted: hasStartedPivot(definition.plan, state),
    reasonJson: state.reason && JSON.stringify(state.reason),
    next: holder && keeps ? { leaseMs: deps.leaseMs } : { waitMs },
    was: was.row,
    opens: opens.map((opening) => toOpeningRow(opening, place.now)),
  };
  const after = { ...before, state, data, open, version: before.version + 1 };
  const resent = was.send && was.still ? [{ ...was.still, send: was.send }] : [];
  return { after, record, sends: [...resent, ...opens] };
}

function openedBy({ before, transition, event }: Change, place: Place): readonly Opening[] {
  const { state, closed, waitMs = 0 } = transition;
  if (isEnded(state.status)) return [];
  if (hasMoved(before.state, state)) return openAll(place);
  const branch = event.branch ?? '';
  const epoch = epochOf(state, branch);
  return closed !== undefined && epoch > epochOf(before.state, branch)
    ? [reopen(place, branch, epoch, waitMs)]
    : [];
}

/** The history row of the step that something happened to, and that step itself if it stays open. */
function wasOpen(change: Change, place: Place) {
  const { before, transition, event, result } = change;
  const branch = event.branch ?? '';
  const { state } = before;
  const open = before.open.find((one) => one.branch === branch);
  const stays = open !== undefined && transition.closed === undefined;
  const sends = event.kind === 'sent';
  const step = stays && sends ? stepAt(before.definition, state.step, branch) : undefined;
  const waitMs = step ? timeoutMsOf(step, place) : transition.waitMs;
  const still: OpenStep | undefined = stays
    ? { ...open, sent: sends, dueAt: waitMs === undefined ? open.dueAt : place.now + waitMs }
    : undefined;
  return {
    still,
    send: step && open && commandOf(step, place, open),
    row: {
      step: before.definition.plan.steps[state.step]?.name ?? '',
      ...{ branch, direction: state.direction, epoch: epochOf(state, branch) },
      status: transition.closed ?? ('open' as const),
      attempts: attemptsEnded(change, branch),
      sent: still?.sent ?? false,
      dueMs: still && Number.isFinite(still.dueAt) ? Math.max(0, still.dueAt - place.now) : undefined,
      replyJson: replyJsonOf(event, result),
      fault: refusalOf(change) ?? faultOf(event),
    },
  };
}

/** In a group those that were recorded, of a step of its own also those that were lost with a lease. */
function attemptsEnded({ before: { state }, event, transition }: Change, branch: string): number {
  const retries = state.branches?.find(({ name }) => name === branch)?.retries;
  const before = retries ?? state.attempt - 1;
  return event.kind === 'sent' || (event.kind === 'due' && transition.closed) ? before : before + 1;
}

function refusalOf({ event, transition }: Change) {
  return event.kind === 'rejected' && transition.closed === undefined
    ? { code: event.rejection.code, message: 'refused', retryable: false }
    : undefined;
}

function epochOf({ epoch = 1, branches }: SagaState, branch: string): number {
  return branches?.find(({ name }) => name === branch)?.epoch ?? epoch;
}

function hasMoved(before: SagaState, after: SagaState): boolean {
  return before.step !== after.step || before.direction !== after.direction;
}

const MAX_REPLY_CHARS = 16_384;

function replyJsonOf(event: SagaEvent, result: unknown): string | undefined {
  if (event.kind === 'rejected') return jsonOf(event.rejection);
  if (event.kind !== 'succeeded' || result === undefined) return undefined;
  const json = jsonOf(result);
  if (json === undefined) return undefined;
  return json.length <= MAX_REPLY_CHARS
    ? storableJson(json)
    : JSON.stringify({ omitted: `${json.length} characters` });
}
