import type { Fault } from '../errors.ts';
import {
  backoffMs,
  boundedWaitMs,
  goOn,
  REFUSED_AFTER_PIVOT,
  reasonToTurn,
  stuckWaitMs,
  terminal,
  UNDO_REFUSED,
  unacceptable,
  undoFrom,
} from './rules.ts';
import {
  type BranchState,
  type Closing,
  type Conditions,
  hasStartedPivot,
  type SagaEvent,
  type SagaPlan,
  type SagaReason,
  type SagaState,
  type Transition,
} from './state.ts';

/**
 * The rules of a parallel group. Its branches are open at the same time; whoever closes the last one joins them. Once
 * there is a reason to turn around no further attempt is made, but what is in flight is waited for; then the
 * branches that may have had an effect are undone, again at the same time.
 */
export function groupTransition(
  plan: SagaPlan,
  state: SagaState,
  event: SagaEvent,
  conditions: Conditions,
): Transition {
  const branch = state.branches?.find((one) => one.name === event.branch);
  if (branch?.status !== 'open') return { state };
  const group: Group = { plan, state, branch, conditions };
  switch (event.kind) {
    case 'sent':
      return { state };
    case 'unrecorded':
      return again(group, event.fault);
    case 'succeeded':
      return succeed(group);
    case 'due':
    case 'rejected':
    case 'failed':
      return state.direction === 'do' ? forward(group, event) : backward(group, event);
  }
}

interface Group {
  readonly plan: SagaPlan;
  readonly state: SagaState;
  readonly branch: BranchState;
  readonly conditions: Conditions;
}

type Unsuccessful = Extract<SagaEvent, { readonly kind: 'due' | 'rejected' | 'failed' }>;

function succeed(group: Group): Transition {
  const { plan, state, branch, conditions } = group;
  if (state.direction === 'undo') return close(group, 'done', state.reason);
  const rest = state.branches?.filter((one) => one.status === 'open').length ?? 0;
  // The deadline bounds what is still to be done: with the last branch of the last step nothing is.
  const isLast = rest === 1 && state.step === plan.steps.length - 1;
  const bounds = isLast ? { deadlineInMs: 1 } : conditions;
  return close(group, 'done', state.reason ?? reasonToTurn(plan, state, bounds, branch.name));
}

function forward(group: Group, event: Unsuccessful): Transition {
  const { plan, state, branch, conditions } = group;
  const { name } = branch;
  const reason = state.reason ?? reasonToTurn(plan, state, conditions, name);
  if (event.kind === 'due') return reason ? close(group, 'unknown', reason) : { state };
  if (event.kind === 'failed') {
    if (hasStartedPivot(plan, state)) return again(group, event.fault);
    const why = reason ?? terminal(event.fault, name);
    return why ? close(group, 'unknown', why) : again(group, event.fault);
  }
  const { rejection } = event;
  if (hasStartedPivot(plan, state)) return refusedAgain(group, rejection.code, REFUSED_AFTER_PIVOT);
  return close(
    group,
    'rejected',
    state.reason ?? { kind: 'rejected', code: rejection.code, step: name, rejection },
  );
}

function backward(group: Group, event: Unsuccessful): Transition {
  if (event.kind === 'due') return { state: group.state };
  return event.kind === 'failed'
    ? again(group, event.fault)
    : refusedAgain(group, event.rejection.code, UNDO_REFUSED);
}

function close(group: Group, closed: Closing, reason: SagaReason | undefined): Transition {
  const { plan } = group;
  const changed = withBranch(group, { ...group.branch, status: closed });
  const state = { ...changed, status: calmer(group, changed), ...(reason && { reason }) };
  if (state.branches?.some(({ status }) => status === 'open')) return { state, closed };
  if (state.direction === 'undo') return { state: undoFrom(plan, state, state.step - 1), closed };
  return { state: reason ? undoFrom(plan, state, state.step) : goOn(plan, state), closed };
}

/** A group is stuck no longer when none of its open branches has been tried for too long. */
function calmer({ conditions }: Group, state: SagaState): SagaState['status'] {
  const worn = state.branches?.some(
    ({ status, retries }) => status === 'open' && state.attempt + retries > conditions.stuckAfterAttempts,
  );
  if (worn) return state.status;
  return state.direction === 'do' ? 'running' : 'compensating';
}

function again(group: Group, fault: Fault): Transition {
  const { plan, state, branch, conditions } = group;
  const attempt = state.attempt + branch.retries;
  const stuck = !fault.retryable || attempt >= conditions.stuckAfterAttempts;
  const planned = plan.steps[state.step]?.members?.find(({ name }) => name === branch.name);
  const waitMs = stuck
    ? stuckWaitMs(conditions)
    : backoffMs(planned, state.direction, attempt, conditions.random);
  const tried = withBranch(group, { ...branch, retries: branch.retries + 1 });
  return {
    state: stuck ? { ...tried, status: 'stuck' } : tried,
    waitMs: boundedWaitMs(plan, state, waitMs, conditions),
  };
}

function refusedAgain(group: Group, code: string, message: string): Transition {
  const { plan, state, branch } = group;
  const tried = again(group, unacceptable(code, message));
  const planned = plan.steps[state.step]?.members?.find(({ name }) => name === branch.name);
  if (!planned?.renewed) return tried;
  const renewed = { ...branch, retries: branch.retries + 1, epoch: branch.epoch + 1 };
  return { ...tried, state: withBranch({ ...group, state: tried.state }, renewed), closed: 'rejected' };
}

function withBranch({ state, branch }: Group, changed: BranchState): SagaState {
  return {
    ...state,
    branches: (state.branches ?? []).map((one) => (one.name === branch.name ? changed : one)),
  };
}
