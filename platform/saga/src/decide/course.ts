import type { Fault } from '../errors.ts';
import {
  type BranchState,
  type Closing,
  type Conditions,
  hasStartedPivot,
  type PlannedStep,
  type SagaPlan,
  type SagaReason,
  type SagaState,
  type Transition,
} from './state.ts';

// Which step follows: forward, backward, or none because the saga has ended.

/** A saga at its first step. */
export function firstState(plan: SagaPlan): SagaState {
  return enter(plan, { status: 'running', step: 0, direction: 'do', attempt: 1 }, 0);
}

/** Opens a step going forward. */
function enter(plan: SagaPlan, { epoch, branches, ...state }: SagaState, step: number): SagaState {
  const members = plan.steps[step]?.members;
  const opened: SagaState = { ...state, status: 'running', step, attempt: 1 };
  return members ? { ...opened, branches: members.map(({ name }) => openBranch(name)) } : opened;
}

function openBranch(name: string): BranchState {
  return { name, status: 'open', retries: 0, epoch: 1 };
}

/** Opens the step after one that is done, or completes. */
export function advance(plan: SagaPlan, state: SagaState): SagaState {
  const { epoch, branches, ...rest } = state;
  return state.step === plan.steps.length - 1
    ? { ...rest, status: 'completed' }
    : enter(plan, state, state.step + 1);
}

/** Why an open step may not be tried any longer, unless the pivot was started. */
export function reasonToTurn(
  plan: SagaPlan,
  state: SagaState,
  { deadlineInMs }: Pick<Conditions, 'deadlineInMs'>,
  step: string,
): SagaReason | undefined {
  if (hasStartedPivot(plan, state)) return undefined;
  if (state.cancelReason !== undefined) return { kind: 'cancelled', code: state.cancelReason };
  return deadlineInMs > 0 ? undefined : { kind: 'deadline', code: 'SAGA_DEADLINE', step };
}

/** A fault that no retry cures. */
export function terminal(fault: Fault, step: string): SagaReason | undefined {
  return fault.retryable ? undefined : { kind: 'fault', code: fault.code, step };
}

/** Opens the undo of the highest step not above `from` that was started and has one, or ends. */
export function undoFrom(plan: SagaPlan, state: SagaState, from: number): SagaState {
  const { epoch, branches, ...rest } = state;
  const wasStarted = ({ name }: PlannedStep) => !(state.unstarted ?? []).includes(name);
  const step = plan.steps.findLastIndex(
    (planned, index) => index <= from && planned.undoable && wasStarted(planned),
  );
  if (step < 0) return { ...rest, status: state.reason?.kind === 'cancelled' ? 'cancelled' : 'compensated' };
  const undone = plan.steps[step]?.members?.filter(
    (member) => member.undoable && wasStarted(member) && mayHaveHadEffect(state, step, member.name),
  );
  if (undone?.length === 0) return undoFrom(plan, state, step - 1);
  const opened: SagaState = { ...rest, status: 'compensating', step, direction: 'undo', attempt: 1 };
  return undone ? { ...opened, branches: undone.map(({ name }) => openBranch(name)) } : opened;
}

/** Of the group that is being closed only some branches had one; of an earlier group each had. */
function mayHaveHadEffect(state: SagaState, step: number, name: string): boolean {
  if (step !== state.step || state.direction === 'undo') return true;
  const branch = state.branches?.find((one) => one.name === name);
  return branch !== undefined && (branch.status !== 'rejected' || state.attempt + branch.retries > 1);
}

/** Turns around, or goes on with that: what was started is undone, from step `from` backward. */
export function startCompensation(
  plan: SagaPlan,
  state: SagaState,
  reason: SagaReason,
  from: number,
  closed: Closing,
): Transition {
  return { state: undoFrom(plan, { ...state, reason }, from), closed };
}
