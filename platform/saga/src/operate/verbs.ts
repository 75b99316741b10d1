import { undoFrom } from '../decide/course.ts';
import type { SagaEvent, SagaReason, SagaState, Transition } from '../decide/state.ts';
import type { Instance } from '../store/instance.ts';
import type { Refusal } from '../store/order.ts';

/** A change that takes no call: what the rules make of it. */
export interface Forced {
  readonly event: SagaEvent;
  readonly transition: Transition;
}

export function refuse(code: Refusal['code'], message: string): { readonly refusal: Refusal } {
  return { refusal: { code, message } };
}

/** Turns a saga around, whatever its rules say. */
export function forceCompensate({
  definition,
  state,
  open,
}: Instance): Forced | { readonly refusal: Refusal } {
  if (state.direction === 'undo') return refuse('not-applicable', 'it compensates already');
  const step = definition.plan.steps[state.step]?.name ?? '';
  const reason: SagaReason = state.reason ?? { kind: 'operator', code: 'forced-by-operator', step };
  return given(open, undoFrom(definition.plan, { ...state, reason }, state.step));
}

export function forceComplete({ state, open }: Instance): Forced | { readonly refusal: Refusal } {
  if (state.direction === 'undo')
    return refuse('not-applicable', 'it compensates; skip the undo that cannot succeed instead');
  const { branches, epoch, reason, ...rest } = state;
  return given(open, { ...rest, status: 'completed' });
}

/** Each open step is given up; the first of them stands for all. */
function given(open: Instance['open'], state: SagaState): Forced {
  const branch = open[0]?.branch ?? '';
  return {
    event: { kind: 'due', ...(branch !== '' && { branch }) },
    transition: { state, closed: 'unknown' },
  };
}

/** The open step that is meant: its branch, '' for a step of its own. */
export function branchMeant(
  { definition, state, open }: Instance,
  name: string | undefined,
): { readonly branch: string } | { readonly refusal: Refusal } {
  const here = definition.plan.steps[state.step]?.name ?? '';
  const names = open.map(({ branch }) => (branch === '' ? here : branch));
  if (name === undefined && names.length > 1)
    return refuse('not-applicable', `several steps are open, name one: ${names.join(', ')}`);
  const index = name === undefined ? 0 : names.indexOf(name);
  const meant = open[index];
  return meant ?? refuse('not-applicable', `${name} is not open; open is ${names.join(', ')}`);
}
