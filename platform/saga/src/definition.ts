import type { Transaction } from '@flotilla/postgres';
import type { Fault } from './errors.ts';
import type { Rejection, SagaPlan, SagaReason } from './transition.ts';

/** What a participant answered. A fault is thrown instead: its outcome counts as unknown. */
export type StepOutcome<Result> =
  | { readonly ok: true; readonly result: Result }
  | { readonly ok: false; readonly reason: Rejection };

/** One attempt at one step. */
export interface SagaCall {
  readonly sagaId: string;
  /** The same for every attempt at this step in this direction: participants deduplicate by it. */
  readonly commandId: string;
  /** From 1. */
  readonly attempt: number;
  /** Aborted at `deadlineAt`, when the lease is lost and when the engine closes. Pass it on. */
  readonly signal: AbortSignal;
  /** When the answer is no longer waited for, on the clock of `performance.now()`. */
  readonly deadlineAt: number;
}

export interface SagaUndoCall extends SagaCall {
  /** The command id of the `do` that is undone, so that a late arrival of it can be fenced. */
  readonly undoes: string;
}

export interface RetrySchedule {
  /** Bound of the first delay; it doubles with each attempt, and the delay is random below it. Default 100. */
  readonly initialMs?: number;
  /** Highest bound. Default 5,000; an undo is never below 30,000. */
  readonly maxMs?: number;
}

/**
 * One step. `do` and `undo` are called outside of any transaction and at least once, always with the same
 * command id; hooks run in the transaction that records the outcome and so take effect exactly once.
 */
export interface SagaStep<Data extends object, Result = unknown> {
  /** Unique in the saga; part of the command id. */
  readonly name: string;
  do(data: Data, call: SagaCall): Promise<StepOutcome<Result>>;
  /**
   * Takes the effect of `do` back; also called when it is unknown whether `do` had one. It must be idempotent,
   * succeed when `do` never arrived, and refuse a `do` that arrives later. It gets the data of before `onDone`
   * if the outcome was never known.
   */
  undo?(data: Data, call: SagaUndoCall): Promise<void>;
  /** Domain rows and messages that belong to the step's success; returns the data of the following steps. */
  onDone?(tx: Transaction, data: Data, result: Result): Promise<Data> | Data;
  onUndone?(tx: Transaction, data: Data): Promise<void> | void;
  /** From the start of this step on there is no compensation, unless this step is refused. At most one. */
  readonly pivot?: true;
  /** Required of each step after the pivot, and allowed there only: it is tried until it succeeds. */
  readonly retriable?: true;
  /** How long one attempt may take. Default 5,000 ms. */
  readonly timeoutMs?: number;
  readonly retry?: RetrySchedule;
}

/** Lets TypeScript infer the result of `do` for `onDone`. */
export type DefineStep<Data extends object> = <Result>(step: SagaStep<Data, Result>) => SagaStep<Data>;

export interface SagaDeclaration<Data extends object> {
  /** Stable name: `place-order`. */
  readonly type: string;
  /** Raise it with every change of the steps; keep the old definition registered while instances of it run. */
  readonly version: number;
  /** From the start. When it passes before the pivot was started, the saga compensates. */
  readonly deadlineMs: number;
  /** In order of execution: `(step) => [step({ … }), step({ … })]`. */
  readonly steps: (step: DefineStep<Data>) => readonly SagaStep<Data>[];
  /** In the transaction that ends the saga. */
  onCompleted?(tx: Transaction, data: Data): Promise<void> | void;
  /** In the transaction that ends the saga, after everything was undone. */
  onCompensated?(tx: Transaction, data: Data, reason: SagaReason): Promise<void> | void;
  /** In the transaction that marks it stuck: the engine keeps trying, but somebody should look. */
  onStuck?(tx: Transaction, data: Data, fault: Fault): Promise<void> | void;
}

export interface SagaDefinition<Data extends object = object>
  extends Omit<SagaDeclaration<Data>, 'steps' | 'onCompleted' | 'onCompensated' | 'onStuck'> {
  readonly steps: readonly SagaStep<Data>[];
  readonly plan: SagaPlan;
  // Methods again, not inherited through Omit: their parameters are compared bivariantly, which is what lets
  // definitions of different data share one engine. An engine only ever gives a definition its own data.
  onCompleted?(tx: Transaction, data: Data): Promise<void> | void;
  onCompensated?(tx: Transaction, data: Data, reason: SagaReason): Promise<void> | void;
  onStuck?(tx: Transaction, data: Data, fault: Fault): Promise<void> | void;
}

const NAME = /^[a-z][a-z0-9.-]{0,99}$/;

/** Declares a saga. `Data` must survive JSON. Throws `TypeError` or `RangeError` for a contradictory declaration. */
export function defineSaga<Data extends object>(declaration: SagaDeclaration<Data>): SagaDefinition<Data> {
  const steps = declaration.steps((step) => step);
  checkDeclaration(declaration);
  checkNames(declaration.type, steps);
  return { ...declaration, steps, plan: planOf(declaration.type, steps) };
}

function checkDeclaration({ type, version, deadlineMs }: Omit<SagaDeclaration<never>, 'steps'>): void {
  if (!NAME.test(type)) throw new TypeError(`not a saga type: ${type}`);
  if (!Number.isInteger(version) || version < 1)
    throw new RangeError(`saga ${type}: version must be a positive integer, got ${version}`);
  if (!(deadlineMs > 0)) throw new RangeError(`saga ${type}: deadlineMs must be positive, got ${deadlineMs}`);
}

function checkNames(type: string, steps: readonly { readonly name: string }[]): void {
  if (steps.length === 0) throw new TypeError(`saga ${type} has no steps`);
  const names = new Set<string>();
  for (const { name } of steps) {
    if (!NAME.test(name)) throw new TypeError(`saga ${type}: not a step name: ${name}`);
    if (names.has(name)) throw new TypeError(`saga ${type}: two steps are named ${name}`);
    names.add(name);
  }
}

function planOf<Data extends object>(type: string, steps: readonly SagaStep<Data>[]): SagaPlan {
  const found = steps.findIndex((step) => step.pivot);
  const pivot = found < 0 ? steps.length : found;
  for (const [index, step] of steps.entries()) {
    const problem = contradiction(step, index, pivot);
    if (problem) throw new TypeError(`saga ${type}, step ${step.name}: ${problem}`);
  }
  return {
    pivot,
    steps: steps.map(({ name, undo, retry }) => ({
      name,
      undoable: undo !== undefined,
      initialMs: retry?.initialMs ?? 100,
      maxMs: retry?.maxMs ?? 5_000,
    })),
  };
}

function contradiction<Data extends object>(
  step: SagaStep<Data>,
  index: number,
  pivot: number,
): string | undefined {
  if (step.timeoutMs !== undefined && !(step.timeoutMs > 0)) return 'timeoutMs must be positive';
  if (index <= pivot) return step.retriable ? 'retriable is for steps after the pivot' : undefined;
  if (step.pivot) return 'there is a pivot already';
  if (step.undo) return 'it follows the pivot, so its undo would never be called';
  return step.retriable ? undefined : 'it follows the pivot, so it must be retriable';
}
