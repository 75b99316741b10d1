import { undoFrom } from '../decide/course.ts';
import type { SagaEvent, SagaReason, SagaState, Transition } from '../decide/state.ts';
import type { Instance } from '../store/instance.ts';

/** What an operator may do to a saga that has not ended. */
export type SagaVerb =
  | {
      /** Tries every open step again at once: calls, and commands under their id. */
      readonly verb: 'retry';
    }
  | {
      /** Counts an open step as done with this result: `onDone` or `onUndone` runs, the participant is not asked. */
      readonly verb: 'skip';
      /** Needed where several steps of a group are open. */
      readonly step?: string;
      readonly result?: unknown;
    }
  | {
      /** Turns it around, also after the pivot. */
      readonly verb: 'compensate';
    }
  | {
      /** Counts it as completed: `onCompleted` runs, open steps are given up. */
      readonly verb: 'complete';
    }
  | { readonly verb: 'edit'; readonly data: object }
  | { readonly verb: 'cancel'; readonly code: string }
  | {
      /** Makes it an instance of another version. */
      readonly verb: 'migrate';
      readonly to: number;
    };

export type SagaVerbName = SagaVerb['verb'];

/** Why nothing was done. */
export interface Refusal {
  readonly code:
    | 'not-found'
    | 'ended'
    /** A call is in flight: its outcome comes first. */
    | 'in-progress'
    /** It is no longer as the operator saw it. */
    | 'changed'
    | 'too-late'
    | 'not-applicable'
    | 'unknown-version'
    /** Something that belongs to it failed, such as a hook. */
    | 'failed';
  readonly message: string;
}

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
