import type { Fault } from '../errors.ts';
import { groupTransition } from './group.ts';
import {
  backoffMs,
  boundedWaitMs,
  goOn,
  REFUSED_AFTER_PIVOT,
  reasonToTurn,
  stuckWaitMs,
  terminal,
  turn,
  UNDO_REFUSED,
  unacceptable,
  undoFrom,
} from './rules.ts';
import {
  type Conditions,
  hasStartedPivot,
  isEnded,
  type Rejection,
  type SagaEvent,
  type SagaPlan,
  type SagaState,
  type Transition,
} from './state.ts';

/**
 * The rules of a saga as a pure function: where it stands × what happened → where it stands next.
 *
 * Forward until a step is refused, the deadline passes or a cancellation is asked for; then backward through
 * every step that was started. Once the pivot has been started there is no way back except its own refusal.
 */
export function transition(
  plan: SagaPlan,
  state: SagaState,
  event: SagaEvent,
  conditions: Conditions,
): Transition {
  if (isEnded(state.status) || event.kind === 'sent') return { state };
  if (state.branches) return groupTransition(plan, state, event, conditions);
  if (event.kind === 'unrecorded') return tryAgain(plan, state, event.fault, conditions);
  return state.direction === 'do'
    ? forward(plan, state, event, conditions)
    : backward(plan, state, event, conditions);
}

type Outcome = Exclude<SagaEvent, { readonly kind: 'unrecorded' | 'sent' }>;

function forward(plan: SagaPlan, state: SagaState, event: Outcome, conditions: Conditions): Transition {
  switch (event.kind) {
    case 'due': {
      const reason = reasonToTurn(plan, state, conditions, nameOf(plan, state));
      return reason ? turn(plan, state, reason, state.step, 'unknown') : { state };
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
  const reason = reasonToTurn(plan, state, last ? { deadlineInMs: 1 } : conditions, nameOf(plan, state));
  if (reason) return turn(plan, state, reason, state.step, 'done');
  return { state: goOn(plan, state), closed: 'done' };
}

function refuse(plan: SagaPlan, state: SagaState, rejection: Rejection, conditions: Conditions): Transition {
  if (state.step > plan.pivot) return refusedAgain(plan, state, rejection, REFUSED_AFTER_PIVOT, conditions);
  const reason = { kind: 'rejected', code: rejection.code, step: nameOf(plan, state), rejection } as const;
  // A refusal after an attempt of unknown outcome does not prove that the earlier one never arrives.
  const from = state.attempt > 1 ? state.step : state.step - 1;
  return turn(plan, state, reason, from, 'rejected');
}

function retryOrTurn(plan: SagaPlan, state: SagaState, fault: Fault, conditions: Conditions): Transition {
  if (hasStartedPivot(plan, state)) return tryAgain(plan, state, fault, conditions);
  const step = nameOf(plan, state);
  const reason = reasonToTurn(plan, state, conditions, step) ?? terminal(fault, step);
  if (reason) return turn(plan, state, reason, state.step, 'unknown');
  const backoff = backoffMs(plan.steps[state.step], state.direction, state.attempt, conditions.random);
  return wait(plan, state, backoff, conditions);
}

function backward(plan: SagaPlan, state: SagaState, event: Outcome, conditions: Conditions): Transition {
  switch (event.kind) {
    case 'due':
      return { state };
    case 'succeeded':
      return { state: undoFrom(plan, state, state.step - 1), closed: 'done' };
    case 'rejected':
      return refusedAgain(plan, state, event.rejection, UNDO_REFUSED, conditions);
    case 'failed':
      return tryAgain(plan, state, event.fault, conditions);
  }
}

/** No way is open but this one: tried until it succeeds, and shown as stuck when that takes too long. */
function tryAgain(plan: SagaPlan, state: SagaState, fault: Fault, conditions: Conditions): Transition {
  const stuck =
    state.status === 'stuck' || !fault.retryable || state.attempt >= conditions.stuckAfterAttempts;
  const waitMs = stuck
    ? stuckWaitMs(conditions)
    : backoffMs(plan.steps[state.step], state.direction, state.attempt, conditions.random);
  return wait(plan, stuck ? { ...state, status: 'stuck' } : state, waitMs, conditions);
}

/** As `tryAgain`, with a new command where the participant would take the old one for a duplicate. */
function refusedAgain(
  plan: SagaPlan,
  state: SagaState,
  { code }: Rejection,
  message: string,
  conditions: Conditions,
): Transition {
  const tried = tryAgain(plan, state, unacceptable(code, message), conditions);
  if (!plan.steps[state.step]?.renewed) return tried;
  return { ...tried, state: { ...tried.state, epoch: (state.epoch ?? 1) + 1 }, closed: 'rejected' };
}

function wait(plan: SagaPlan, state: SagaState, waitMs: number, conditions: Conditions): Transition {
  return {
    state: { ...state, attempt: state.attempt + 1 },
    waitMs: boundedWaitMs(plan, state, waitMs, conditions),
  };
}

function nameOf(plan: SagaPlan, state: SagaState): string {
  return plan.steps[state.step]?.name ?? '';
}
