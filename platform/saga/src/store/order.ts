import type { SagaStatus } from '../decide/state.ts';

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

/** A verb with who wants it and why: kept in the saga's audit. */
export type SagaOrder = SagaVerb & {
  readonly by: string;
  readonly reason: string;
  /** `changes` of the saga as the operator saw it: refused when it has changed since. */
  readonly expectedChanges?: number;
};

export type OperateAnswer =
  | { readonly ok: true; readonly status: SagaStatus; readonly step?: string; readonly changes: number }
  | { readonly ok: false; readonly refusal: Refusal };
