import type { Fault } from './errors.ts';

/**
 * The rules of a saga as a pure function: where it stands × what happened → where it stands next.
 *
 * Forward until a step is refused, the deadline passes or a cancellation is asked for; then backward through
 * every step that was started. Once the pivot has been started there is no way back except its own refusal.
 */
export type SagaStatus = 'running' | 'compensating' | 'stuck' | 'completed' | 'compensated' | 'cancelled';

export type Direction = 'do' | 'undo';

/** A participant's refusal: an answer, not a fault. It says that the step had no effect. */
export interface Rejection {
  readonly code: string;
}

/** Why a saga turned around; `code` is the participant's, the canceller's or the fault's. */
export type SagaReason =
  | { readonly kind: 'rejected'; readonly code: string; readonly step: string; readonly rejection: Rejection }
  | { readonly kind: 'cancelled'; readonly code: string }
  | { readonly kind: 'deadline'; readonly code: 'SAGA_DEADLINE'; readonly step: string }
  | { readonly kind: 'fault'; readonly code: string; readonly step: string };

export interface SagaState {
  readonly status: SagaStatus;
  /** Index of the open step; of the last one worked on once the saga has ended. */
  readonly step: number;
  readonly direction: Direction;
  /** The attempt that is being made or waited for, from 1. */
  readonly attempt: number;
  readonly reason?: SagaReason;
  readonly cancelReason?: string;
}

export interface PlannedStep {
  readonly name: string;
  readonly undoable: boolean;
  readonly initialMs: number;
  readonly maxMs: number;
}

/** What the rules need to know of a definition. */
export interface SagaPlan {
  readonly steps: readonly PlannedStep[];
  /** Index of the pivot; `steps.length` when every step can be undone. */
  readonly pivot: number;
}

export type SagaEvent =
  /** Its time has come, and nothing has been called yet. */
  | { readonly kind: 'due' }
  | { readonly kind: 'succeeded' }
  | { readonly kind: 'rejected'; readonly rejection: Rejection }
  /** It threw, timed out or was lost: it may or may not have had its effect. */
  | { readonly kind: 'failed'; readonly fault: Fault }
  /** Its outcome is known, but the hook that belongs to it failed and nothing was recorded. */
  | { readonly kind: 'unrecorded'; readonly fault: Fault };

export interface Conditions {
  /** Until the saga's deadline; negative once it has passed. */
  readonly deadlineInMs: number;
  readonly stuckAfterAttempts: number;
  readonly stuckRetryMs: number;
  /** 0 ≤ random < 1, for the jitter of the next attempt. */
  readonly random: number;
}

export interface Transition {
  readonly state: SagaState;
  /** How the step that was open is closed; `undefined`: it stays open. */
  readonly closed?: 'done' | 'rejected' | 'unknown';
  /** Before the open step is tried again. */
  readonly waitMs?: number;
}

const UNDO_MAX_MS = 30_000;

export function firstState(): SagaState {
  return { status: 'running', step: 0, direction: 'do', attempt: 1 };
}

export function isEnded(status: SagaStatus): boolean {
  return status === 'completed' || status === 'compensated' || status === 'cancelled';
}

export function hasStartedPivot(plan: SagaPlan, state: SagaState): boolean {
  return state.direction === 'do' && state.step >= plan.pivot;
}

/** The answer to a wish to cancel, from where the saga stands. A saga that compensates already is `requested`. */
export function answerCancel(
  state: Pick<SagaState, 'status'> & { readonly pivotStarted: boolean },
): 'requested' | 'too-late' | 'ended' {
  if (isEnded(state.status)) return 'ended';
  return state.pivotStarted ? 'too-late' : 'requested';
}

export function transition(
  plan: SagaPlan,
  state: SagaState,
  event: SagaEvent,
  conditions: Conditions,
): Transition {
  if (isEnded(state.status)) return { state };
  if (event.kind === 'unrecorded') return tryAgain(plan, state, event.fault, conditions);
  return state.direction === 'do'
    ? forward(plan, state, event, conditions)
    : backward(plan, state, event, conditions);
}

type Outcome = Exclude<SagaEvent, { readonly kind: 'unrecorded' }>;

function forward(plan: SagaPlan, state: SagaState, event: Outcome, conditions: Conditions): Transition {
  switch (event.kind) {
    case 'due': {
      const reason = reasonToTurn(plan, state, conditions);
      return reason ? compensate(plan, state, reason, state.step, 'unknown') : { state };
    }
    case 'succeeded':
      return advance(plan, state, conditions);
    case 'rejected':
      return refuse(plan, state, event.rejection, conditions);
    case 'failed':
      return retryOrTurn(plan, state, event.fault, conditions);
  }
}

function advance(plan: SagaPlan, state: SagaState, conditions: Conditions): Transition {
  const last = state.step === plan.steps.length - 1;
  // The deadline bounds what is still to be done: with the last step nothing is.
  const reason = reasonToTurn(plan, state, last ? { ...conditions, deadlineInMs: 1 } : conditions);
  if (reason) return compensate(plan, state, reason, state.step, 'done');
  if (last) return { state: { ...state, status: 'completed' }, closed: 'done' };
  return { state: { ...state, status: 'running', step: state.step + 1, attempt: 1 }, closed: 'done' };
}

function refuse(plan: SagaPlan, state: SagaState, rejection: Rejection, conditions: Conditions): Transition {
  if (state.step > plan.pivot) {
    const message = 'a step after the pivot was refused; it cannot be compensated';
    return tryAgain(plan, state, { code: rejection.code, message, retryable: false }, conditions);
  }
  const reason = { kind: 'rejected', code: rejection.code, step: nameOf(plan, state), rejection } as const;
  // A refusal after an attempt of unknown outcome does not prove that the earlier one never arrives.
  const from = state.attempt > 1 ? state.step : state.step - 1;
  return compensate(plan, state, reason, from, 'rejected');
}

function retryOrTurn(plan: SagaPlan, state: SagaState, fault: Fault, conditions: Conditions): Transition {
  if (hasStartedPivot(plan, state)) return tryAgain(plan, state, fault, conditions);
  const reason = reasonToTurn(plan, state, conditions) ?? terminal(plan, state, fault);
  if (reason) return compensate(plan, state, reason, state.step, 'unknown');
  return wait(plan, state, backoffMs(plan, state, conditions), conditions);
}

function terminal(plan: SagaPlan, state: SagaState, fault: Fault): SagaReason | undefined {
  return fault.retryable ? undefined : { kind: 'fault', code: fault.code, step: nameOf(plan, state) };
}

function backward(plan: SagaPlan, state: SagaState, event: Outcome, conditions: Conditions): Transition {
  switch (event.kind) {
    case 'due':
      return { state };
    case 'succeeded':
      return undoFrom(plan, state, state.step - 1, 'done');
    case 'rejected': {
      const message = 'an undo cannot be refused';
      return tryAgain(plan, state, { code: event.rejection.code, message, retryable: false }, conditions);
    }
    case 'failed':
      return tryAgain(plan, state, event.fault, conditions);
  }
}

/** No way is open but this one: tried until it succeeds, and shown as stuck when that takes too long. */
function tryAgain(plan: SagaPlan, state: SagaState, fault: Fault, conditions: Conditions): Transition {
  const stuck =
    state.status === 'stuck' || !fault.retryable || state.attempt >= conditions.stuckAfterAttempts;
  const waitMs = stuck
    ? conditions.stuckRetryMs * (0.5 + conditions.random / 2)
    : backoffMs(plan, state, conditions);
  return wait(plan, stuck ? { ...state, status: 'stuck' } : state, waitMs, conditions);
}

/** Until the next attempt, or until the deadline if that comes first and still matters. */
function wait(plan: SagaPlan, state: SagaState, waitMs: number, { deadlineInMs }: Conditions): Transition {
  const bounded = state.direction === 'do' && !hasStartedPivot(plan, state) && deadlineInMs > 0;
  return {
    state: { ...state, attempt: state.attempt + 1 },
    waitMs: bounded ? Math.min(waitMs, deadlineInMs) : waitMs,
  };
}

function reasonToTurn(plan: SagaPlan, state: SagaState, conditions: Conditions): SagaReason | undefined {
  if (hasStartedPivot(plan, state)) return undefined;
  if (state.cancelReason !== undefined) return { kind: 'cancelled', code: state.cancelReason };
  if (conditions.deadlineInMs > 0) return undefined;
  return { kind: 'deadline', code: 'SAGA_DEADLINE', step: nameOf(plan, state) };
}

function compensate(
  plan: SagaPlan,
  state: SagaState,
  reason: SagaReason,
  from: number,
  closed: 'done' | 'rejected' | 'unknown',
): Transition {
  return undoFrom(plan, { ...state, reason }, from, closed);
}

/** Opens the undo of the highest step not above `from` that has one, or ends. */
function undoFrom(
  plan: SagaPlan,
  state: SagaState,
  from: number,
  closed: 'done' | 'rejected' | 'unknown',
): Transition {
  const step = plan.steps.findLastIndex((planned, index) => index <= from && planned.undoable);
  if (step < 0) {
    const status = state.reason?.kind === 'cancelled' ? 'cancelled' : 'compensated';
    return { state: { ...state, status }, closed };
  }
  return { state: { ...state, status: 'compensating', step, direction: 'undo', attempt: 1 }, closed };
}

/** Full jitter: anything between at once and a bound that doubles with each attempt. */
function backoffMs(plan: SagaPlan, state: SagaState, { random }: Conditions): number {
  const { initialMs = 0, maxMs = 0 } = plan.steps[state.step] ?? {};
  const capMs = state.direction === 'do' ? maxMs : Math.max(maxMs, UNDO_MAX_MS);
  return random * Math.min(capMs, initialMs * 2 ** (state.attempt - 1));
}

function nameOf(plan: SagaPlan, state: SagaState): string {
  return plan.steps[state.step]?.name ?? '';
}
