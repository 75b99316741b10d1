import type { Fault } from '../errors.ts';

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
  | { readonly kind: 'fault'; readonly code: string; readonly step: string }
  | { readonly kind: 'operator'; readonly code: 'forced-by-operator'; readonly step: string };

/** How a step is closed. `unknown`: given up before its outcome was known, and therefore undone. */
export type Closing = 'done' | 'rejected' | 'unknown';

/** One step of an open parallel group. */
export interface BranchState {
  readonly name: string;
  readonly status: 'open' | Closing;
  /** Attempts that ended without an outcome. */
  readonly retries: number;
  readonly epoch: number;
}

export interface SagaState {
  readonly status: SagaStatus;
  /** Index of the open step; of the last one worked on once the saga has ended. */
  readonly step: number;
  readonly direction: Direction;
  /** The attempt that is being made or waited for, from 1; in a group those of a branch come on top. */
  readonly attempt: number;
  /** How often a command of the open step was replaced by a new one; absent: 1. */
  readonly epoch?: number;
  /** Present if and only if the open step is a parallel group: those that take part in this direction. */
  readonly branches?: readonly BranchState[];
  /** Set once it has turned around; a group first waits for what is in flight. */
  readonly reason?: SagaReason;
  readonly cancelReason?: string;
  /** Steps that were never started, although the saga stands behind them: a migration inserted them. */
  readonly unstarted?: readonly string[];
}

export interface PlannedStep {
  readonly name: string;
  readonly undoable: boolean;
  readonly initialMs: number;
  readonly maxMs: number;
  /** A message: once refused, it is only answered again under a new command id. */
  readonly renewed?: true;
  /** A parallel group of these. */
  readonly members?: readonly PlannedStep[];
}

/** What the rules need to know of a definition. */
export interface SagaPlan {
  readonly steps: readonly PlannedStep[];
  /** Index of the pivot; `steps.length` when every step can be undone. */
  readonly pivot: number;
}

/** What happened to the open step, or to one branch of the open group. */
export type SagaEvent = { readonly branch?: string } & (
  | {
      /** Its time has come, and nothing has been called yet. */
      readonly kind: 'due';
    }
  | {
      /** Its command was sent again, and its reply is awaited. */
      readonly kind: 'sent';
    }
  | { readonly kind: 'succeeded' }
  | { readonly kind: 'rejected'; readonly rejection: Rejection }
  | {
      /** It threw, timed out or was lost: it may or may not have had its effect. */
      readonly kind: 'failed';
      readonly fault: Fault;
    }
  | {
      /** Its outcome is known, but the hook that belongs to it failed and nothing was recorded. */
      readonly kind: 'unrecorded';
      readonly fault: Fault;
    }
);

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
  /** How the step or branch it happened to is closed; `undefined`: it stays open. */
  readonly closed?: Closing;
  /** Before the open step or branch is tried again. */
  readonly waitMs?: number;
}

export function isEnded(status: SagaStatus): boolean {
  return status === 'completed' || status === 'compensated' || status === 'cancelled';
}

export function hasStartedPivot(plan: SagaPlan, state: Pick<SagaState, 'direction' | 'step'>): boolean {
  return state.direction === 'do' && state.step >= plan.pivot;
}

/** The answer to a wish to cancel, from where the saga stands. A saga that compensates already is `requested`. */
export function answerCancel(
  state: Pick<SagaState, 'status'> & { readonly pivotStarted: boolean },
): 'requested' | 'too-late' | 'ended' {
  if (isEnded(state.status)) return 'ended';
  return state.pivotStarted ? 'too-late' : 'requested';
}
