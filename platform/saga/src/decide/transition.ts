import type { Fault } from '../errors.ts';
import { advance, reasonToTurn, startCompensation, terminal, undoFrom } from './course.ts';
import { groupTransition } from './group.ts';
import {
  type Attempt,
  REFUSED_AFTER_PIVOT,
  refusedAgain,
  tryAgain,
  tryInTime,
  UNDO_REFUSED,
} from './retry.ts';
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
  if (event.kind === 'unrecorded') return tryAgain(attemptOf(plan, state, conditions), event.fault);
  return state.direction === 'do'
    ? forward(plan, state, event, conditions)
    : backward(plan, state, event, conditions);
}

type Outcome = Exclude<SagaEvent, { readonly kind: 'unrecorded' | 'sent' }>;

function forward(plan: SagaPlan, state: SagaState, event: Outcome, conditions: Conditions): Transition {
  switch (event.kind) {
    case 'due': {
      const reason = reasonToTurn(plan, state, conditions, nameOf(plan, state));
      return reason ? startCompensation(plan, state, reason, state.step, 'unknown') : { state };
    }
    case 'succeeded':
      return succeed(plan, state, conditions);
    case 'rejected':
      return refuse(plan, state, event.rejection, conditions);
    case 'failed':
      return retryOrTurn(plan, state, event.fault, conditions);
  }
}

function succeed(plan: SagaPlan, state: SagaState, conditions: Conditions): Transition {
  const last = state.step === plan.steps.length - 1;
  // The deadline bounds what is still to be done: with the last step nothing is.
  const reason = reasonToTurn(plan, state, last ? { deadlineInMs: 1 } : conditions, nameOf(plan, state));
  if (reason) return startCompensation(plan, state, reason, state.step, 'done');
  return { state: advance(plan, state), closed: 'done' };
}

function refuse(plan: SagaPlan, state: SagaState, rejection: Rejection, conditions: Conditions): Transition {
  if (state.step > plan.pivot)
    return refusedAgain(attemptOf(plan, state, conditions), rejection.code, REFUSED_AFTER_PIVOT);
  const reason = { kind: 'rejected', code: rejection.code, step: nameOf(plan, state), rejection } as const;
  // A refusal after an attempt of unknown outcome does not prove that the earlier one never arrives.
  const from = state.attempt > 1 ? state.step : state.step - 1;
  return startCompensation(plan, state, reason, from, 'rejected');
}

function retryOrTurn(plan: SagaPlan, state: SagaState, fault: Fault, conditions: Conditions): Transition {
  if (hasStartedPivot(plan, state)) return tryAgain(attemptOf(plan, state, conditions), fault);
  const step = nameOf(plan, state);
  const reason = reasonToTurn(plan, state, conditions, step) ?? terminal(fault, step);
  if (reason) return startCompensation(plan, state, reason, state.step, 'unknown');
  return tryInTime(attemptOf(plan, state, conditions));
}

function backward(plan: SagaPlan, state: SagaState, event: Outcome, conditions: Conditions): Transition {
  switch (event.kind) {
    case 'due':
      return { state };
    case 'succeeded':
      return { state: undoFrom(plan, state, state.step - 1), closed: 'done' };
    case 'rejected':
      return refusedAgain(attemptOf(plan, state, conditions), event.rejection.code, UNDO_REFUSED);
    case 'failed':
      return tryAgain(attemptOf(plan, state, conditions), event.fault);
  }
}

function attemptOf(plan: SagaPlan, state: SagaState, conditions: Conditions): Attempt {
  const { attempt, epoch = 1 } = state;
  const next = { ...state, attempt: attempt + 1 };
  return {
    ...{ plan, state, conditions, planned: plan.steps[state.step], number: attempt },
    isStuck: state.status === 'stuck',
    counted: (isRenewed) => (isRenewed ? { ...next, epoch: epoch + 1 } : next),
  };
}

function nameOf(plan: SagaPlan, state: SagaState): string {
  return plan.steps[state.step]?.name ?? '';
}
