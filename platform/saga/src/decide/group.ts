import { advance, reasonToTurn, terminal, undoFrom } from './course.ts';
import {
  type Attempt,
  REFUSED_AFTER_PIVOT,
  refusedAgain,
  tryAgain,
  tryInTime,
  UNDO_REFUSED,
} from './retry.ts';
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
      return tryAgain(attemptOf(group), event.fault);
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
    if (hasStartedPivot(plan, state)) return tryAgain(attemptOf(group), event.fault);
    const why = reason ?? terminal(event.fault, name);
    return why ? close(group, 'unknown', why) : tryInTime(attemptOf(group));
  }
  const { rejection } = event;
  if (hasStartedPivot(plan, state))
    return refusedAgain(attemptOf(group), rejection.code, REFUSED_AFTER_PIVOT);
  return close(
    group,
    'rejected',
    state.reason ?? { kind: 'rejected', code: rejection.code, step: name, rejection },
  );
}

function backward(group: Group, event: Unsuccessful): Transition {
  if (event.kind === 'due') return { state: group.state };
  return event.kind === 'failed'
    ? tryAgain(attemptOf(group), event.fault)
    : refusedAgain(attemptOf(group), event.rejection.code, UNDO_REFUSED);
}

function close(group: Group, closed: Closing, reason: SagaReason | undefined): Transition {
  const { plan } = group;
  const changed = withBranch(group, { ...group.branch, status: closed });
  const state = { ...changed, status: calmer(group, changed), ...(reason && { reason }) };
  if (state.branches?.some(({ status }) => status === 'open')) return { state, closed };
  if (state.direction === 'undo') return { state: undoFrom(plan, state, state.step - 1), closed };
  return { state: reason ? undoFrom(plan, state, state.step) : advance(plan, state), closed };
}

/** A group is stuck no longer when none of its open branches has been tried for too long. */
function calmer({ conditions }: Group, state: SagaState): SagaState['status'] {
  const worn = state.branches?.some(
    ({ status, retries }) => status === 'open' && state.attempt + retries > conditions.stuckAfterAttempts,
  );
  if (worn) return state.status;
  return state.direction === 'do' ? 'running' : 'compensating';
}

function attemptOf(group: Group): Attempt {
  const { plan, state, branch, conditions } = group;
  const { name, retries, epoch } = branch;
  const next = { ...branch, retries: retries + 1 };
  return {
    ...{ plan, state, conditions, number: state.attempt + retries },
    isStuck: false, // that is said of the group, not of each branch
    planned: plan.steps[state.step]?.members?.find((member) => member.name === name),
    counted: (isRenewed) => withBranch(group, isRenewed ? { ...next, epoch: epoch + 1 } : next),
  };
}

function withBranch({ state, branch }: Group, changed: BranchState): SagaState {
  return {
    ...state,
    branches: (state.branches ?? []).map((one) => (one.name === branch.name ? changed : one)),
  };
}
