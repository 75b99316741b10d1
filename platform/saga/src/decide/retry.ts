import type { Fault } from '../errors.ts';
import {
  type Conditions,
  hasStartedPivot,
  type PlannedStep,
  type SagaPlan,
  type SagaState,
  type Transition,
} from './state.ts';

/** An attempt that did not succeed, of a step of its own or of a branch of a group. */
export interface Attempt {
  readonly plan: SagaPlan;
  readonly state: SagaState;
  readonly conditions: Conditions;
  readonly planned: PlannedStep | undefined;
  /** From 1. */
  readonly number: number;
  /** Shown as stuck already: it stays so until it succeeds. */
  readonly isStuck: boolean;
  /** The state with this attempt counted; `isRenewed`: the next one sends a new command. */
  readonly counted: (isRenewed: boolean) => SagaState;
}

export const REFUSED_AFTER_PIVOT = 'a step after the pivot was refused; it cannot be compensated';
export const UNDO_REFUSED = 'an undo cannot be refused';

/** The longest wait before another undo, however short those of the step are: nobody waits for it. */
const UNDO_MAX_MS = 30_000;

/** Tried again until the deadline. */
export function tryInTime(attempt: Attempt): Transition {
  return { state: attempt.counted(false), waitMs: boundedMs(attempt, backoffMs(attempt)) };
}

/** No way is open but this one: tried until it succeeds, and shown as stuck when that takes too long. */
export function tryAgain(attempt: Attempt, fault: Fault, isRenewed: boolean = false): Transition {
  const { conditions, number } = attempt;
  const isStuck = attempt.isStuck || !fault.retryable || number >= conditions.stuckAfterAttempts;
  const state = attempt.counted(isRenewed);
  return {
    state: isStuck ? { ...state, status: 'stuck' } : state,
    waitMs: boundedMs(attempt, isStuck ? stuckMs(conditions) : backoffMs(attempt)),
    ...(isRenewed && { closed: 'rejected' }),
  };
}

/**
 * As `tryAgain` for a refusal that cannot be accepted, with a new command where the participant would take the old
 * one for a duplicate.
 */
export function refusedAgain(attempt: Attempt, code: string, message: string): Transition {
  return tryAgain(attempt, { code, message, retryable: false }, attempt.planned?.renewed === true);
}

/** Full jitter: anything between at once and a bound that doubles with each attempt. */
function backoffMs({ planned, state: { direction }, number, conditions: { random } }: Attempt): number {
  const { initialMs = 0, maxMs = 0 } = planned ?? {};
  const capMs = direction === 'do' ? maxMs : Math.max(maxMs, UNDO_MAX_MS);
  return random * Math.min(capMs, initialMs * 2 ** (number - 1));
}

function stuckMs({ stuckRetryMs, random }: Conditions): number {
  return stuckRetryMs * (0.5 + random / 2);
}

/** Until the next attempt, or until the deadline if that comes first and still matters. */
function boundedMs({ plan, state, conditions: { deadlineInMs } }: Attempt, waitMs: number): number {
  const isBounded = state.direction === 'do' && !hasStartedPivot(plan, state) && deadlineInMs > 0;
  return isBounded ? Math.min(waitMs, deadlineInMs) : waitMs;
}
