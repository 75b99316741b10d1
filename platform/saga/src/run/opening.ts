import { uuidv5 } from '@flotilla/kernel';
import { type Direction, hasStartedPivot, isEnded, type SagaState } from '../decide/state.ts';
import { stepAt } from '../define/definition.ts';
import { isCall, isMessage, type SagaCommand, type SingleStep, viaOf } from '../define/step.ts';
import type { Instance, OpenStep } from '../store/instance.ts';
import type { OpeningRow } from '../store/instances.ts';

/** A step that a transition opens, with the command that leaves in the same transaction. */
export interface Opening extends OpenStep {
  readonly send?: SagaCommand;
}

const DEFAULT_CALL_TIMEOUT_MS = 5_000;
const DEFAULT_MESSAGE_TIMEOUT_MS = 30_000;

/** Where and with what data a step is opened. */
export interface Place {
  readonly instance: Pick<Instance, 'id' | 'definition' | 'deadlineAt' | 'renamed'>;
  readonly state: SagaState;
  readonly data: object;
  readonly now: number;
  /** By the clock of the database, from `timeToOpen`. */
  readonly date: Date | undefined;
}

/** Every step that is open in `state`, as it is when it has just been opened. */
export function openAll(place: Place): readonly Opening[] {
  const { state } = place;
  if (isEnded(state.status)) return [];
  if (state.branches === undefined) return [openOne(place, '', state.epoch ?? 1)];
  return state.branches.map(({ name, epoch }) => openOne(place, name, epoch));
}

/** A step whose command was refused, under a new command id: sent when `waitMs` have passed. */
export function reopen(place: Place, branch: string, epoch: number, waitMs: number): Opening {
  const { instance, state, now } = place;
  const commandId = commandIdAt(instance, state, state.direction, branch, epoch);
  return { branch, via: 'message', epoch, commandId, dueAt: now + waitMs, sent: false };
}

function openOne(place: Place, branch: string, epoch: number): Opening {
  const { instance, state, now } = place;
  const step = stepAt(instance.definition, state.step, branch);
  const via = viaOf(step);
  const commandId = commandIdAt(instance, state, state.direction, branch, epoch);
  const opened = { branch, via, epoch, commandId };
  if (via === 'call') return { ...opened, dueAt: Number.NEGATIVE_INFINITY, sent: false };
  if (via === 'wait') return { ...opened, dueAt: waitEnd(step, place), sent: false };
  return {
    ...opened,
    dueAt: now + timeoutMsOf(step, place),
    sent: true,
    send: commandOf(step, place, opened),
  };
}

function waitEnd(step: SingleStep<object>, { now, date, data }: Place): number {
  if ('ms' in step) return now + step.ms;
  if (!('until' in step)) return now;
  if (date === undefined) throw new TypeError(`the step ${step.name} waits until a time, and none is given`);
  return now + Math.max(0, step.until(data).getTime() - date.getTime());
}

/** How long one attempt may take: up to the saga's deadline, where that still matters. */
export function timeoutMsOf(
  step: SingleStep<object>,
  place: Pick<Place, 'instance' | 'state' | 'now'>,
): number {
  const { instance, state, now } = place;
  const fallbackMs = isCall(step) ? DEFAULT_CALL_TIMEOUT_MS : DEFAULT_MESSAGE_TIMEOUT_MS;
  const timeoutMs = ('timeoutMs' in step ? step.timeoutMs : undefined) ?? fallbackMs;
  if (state.direction === 'undo' || hasStartedPivot(instance.definition.plan, state)) return timeoutMs;
  return Math.max(1, Math.min(timeoutMs, instance.deadlineAt - now));
}

/** The message of a step in the direction of the saga. */
export function commandOf(
  step: SingleStep<object>,
  { instance, state, data }: Pick<Place, 'instance' | 'state' | 'data'>,
  { branch, commandId }: Pick<OpenStep, 'branch' | 'commandId'>,
): SagaCommand {
  if (!isMessage(step)) throw new RangeError(`the step ${step.name} sends no command`);
  const context = { sagaId: instance.id, commandId };
  if (state.direction === 'do') return step.command(data, context);
  if (step.undo === undefined) throw new RangeError(`the step ${step.name} has no undo`);
  return step.undo.command(data, { ...context, undoes: commandIdAt(instance, state, 'do', branch) });
}

/** A renamed step keeps the command ids of its old name. */
export function commandIdAt(
  { id, definition, renamed }: Pick<Instance, 'id' | 'definition' | 'renamed'>,
  { step }: Pick<SagaState, 'step'>,
  direction: Direction,
  branch: string,
  epoch = 1,
): string {
  const name = definition.plan.steps[step]?.name ?? '';
  const original = (now: string) => renamed[now] ?? now;
  return commandIdOf(id, original(name), direction, { branch: original(branch), epoch });
}

/** In how many milliseconds something is to be done: a step is due, or the deadline turns the saga around. */
export function dueInMs(
  { instance, state, now }: Pick<Place, 'instance' | 'state' | 'now'>,
  open: readonly OpenStep[],
): number {
  const turns = state.direction === 'do' && !hasStartedPivot(instance.definition.plan, state);
  const first = Math.min(
    ...open.map(({ dueAt }) => dueAt),
    turns ? instance.deadlineAt : Number.POSITIVE_INFINITY,
  );
  return Math.max(0, first - now);
}

export function toOpeningRow(
  { branch, epoch, via, commandId, dueAt, sent, send }: Opening,
  now: number,
): OpeningRow {
  return {
    ...{ branch, epoch, via, command_id: commandId, sent },
    ...(Number.isFinite(dueAt) && { due_ms: Math.max(0, dueAt - now) }),
    ...(send && { request: { type: send.type, data: send.data } }),
  };
}

/**
 * Depends on nothing but the saga, the step, the direction and how often the command was renewed: a retry repeats its
 * command. `branch` is '' for a step of its own.
 */
function commandIdOf(
  sagaId: string,
  step: string,
  direction: Direction,
  { branch = '', epoch = 1 }: { readonly branch?: string; readonly epoch?: number } = {},
): string {
  return uuidv5(`${direction}:${step}:${branch}:${epoch}`, sagaId);
}
