import type { Handler, Message, MessageType, Outbox } from '@flotilla/messaging';
import { on } from '@flotilla/messaging';
import type { Transaction } from '@flotilla/postgres';
import type { Rejection } from '../decide/state.ts';

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

interface StepCommon<Data extends object, Result> {
  /** Unique in the saga; part of the command id. */
  readonly name: string;
  /** Domain rows and messages that belong to the step's success; returns the data of the following steps. */
  onDone?(tx: Transaction, data: Data, result: Result): Promise<Data> | Data;
  onUndone?(tx: Transaction, data: Data): unknown;
  /** From the start of this step on there is no compensation, unless this step is refused. At most one. */
  readonly pivot?: true;
  /** Required of each step after the pivot, and allowed there only: it is tried until it succeeds. */
  readonly retriable?: true;
  /** How long one attempt may take. Default 5,000 ms for a call, 30,000 ms for a message. */
  readonly timeoutMs?: number;
  readonly retry?: RetrySchedule;
}

/**
 * A step that calls its participant. `do` and `undo` are called outside of any transaction and at least once, always
 * with the same command id; hooks run in the transaction that records the outcome and so take effect exactly once.
 */
export interface SagaStep<Data extends object, Result = unknown> extends StepCommon<Data, Result> {
  do(data: Data, call: SagaCall): Promise<StepOutcome<Result>>;
  /**
   * How many `do` of this step an engine has in flight at most. Further sagas wait for one in the database, holding
   * nothing. An undo needs no place.
   */
  readonly places?: number;
  /**
   * Takes the effect of `do` back; also called when it is unknown whether `do` had one. It must be idempotent,
   * succeed when `do` never arrived, and refuse a `do` that arrives later. It gets the data of before `onDone`
   * if the outcome was never known.
   */
  undo?(data: Data, call: SagaUndoCall): Promise<unknown>;
}

/** What a command is built from besides the data. */
export interface SagaCommandContext {
  readonly sagaId: string;
  /** The id of the message. */
  readonly commandId: string;
  /** Of an undo: the command id of what it undoes. */
  readonly undoes?: string;
}

/** A message to send, made by `command`. */
export interface SagaCommand {
  readonly type: string;
  readonly data: unknown;
  publish(outbox: Pick<Outbox, 'publish'>, tx: Transaction, id: string, correlationId: string): Promise<void>;
}

/** What `send` needs to know of a reply, made by `reply`. */
export interface SagaReply<Result> {
  readonly type: string;
  read(message: Message): StepOutcome<Result>;
  listen(handle: (message: Message, tx: Transaction) => Promise<void>): Handler;
}

/**
 * A step that sends a command and awaits the reply, holding neither a worker nor memory. The command leaves through the
 * outbox in the transaction that opens the step; a reply is recognised by its `causationId`, the id of the command.
 * Without a reply within `timeoutMs` the same command is sent again after a backoff.
 */
export interface MessageStep<Data extends object, Result = unknown> extends StepCommon<Data, Result> {
  /** Builds the message in the transaction that sends it. It must not act on the outside. */
  command(data: Data, context: SagaCommandContext): SagaCommand;
  /** Every type that answers the command; at least one. */
  readonly replies: readonly SagaReply<Result>[];
  /** As `undo` of a call; a refusal is not accepted, but answered with a new command. */
  readonly undo?: {
    command(data: Data, context: SagaCommandContext): SagaCommand;
    readonly replies: readonly SagaReply<unknown>[];
  };
}

/** A pause: `ms` from when it is opened, or `until` a time. A time that has passed is no pause. */
export type WaitStep<Data extends object> = Pick<StepCommon<Data, undefined>, 'name' | 'onDone'> &
  ({ readonly ms: number } | { until(data: Data): Date });

/** Steps that are open at the same time. */
export interface ParallelGroup<Data extends object> {
  readonly name: string;
  readonly members: readonly SingleStep<Data>[];
}

export type SingleStep<Data extends object> = SagaStep<Data> | MessageStep<Data> | WaitStep<Data>;
export type SagaElement<Data extends object> = SingleStep<Data> | ParallelGroup<Data>;

/** How a step reaches its outcome. */
export type Via = 'call' | 'message' | 'wait';

export function isGroup<Data extends object>(element: SagaElement<Data>): element is ParallelGroup<Data> {
  return 'members' in element;
}

export function isMessage<Data extends object>(step: SagaElement<Data>): step is MessageStep<Data> {
  return 'command' in step;
}

export function isCall<Data extends object>(step: SagaElement<Data>): step is SagaStep<Data> {
  return 'do' in step;
}

export function viaOf<Data extends object>(step: SingleStep<Data>): Via {
  if (isCall(step)) return 'call';
  return isMessage(step) ? 'message' : 'wait';
}

/** A message for `send`. */
export function command<T>(type: MessageType<T>, data: T): SagaCommand {
  return {
    type: type.type,
    data,
    publish: async (outbox, tx, id, correlationId) => {
      await outbox.publish(tx, type, data, { id, correlationId });
    },
  };
}

/** A reply for `send`: what a message of this type says about the step. It must be pure. */
export function reply<T, Result>(
  type: MessageType<T>,
  read: (message: Message<T>) => StepOutcome<Result>,
): SagaReply<Result> {
  return {
    type: type.type,
    // Sound: `listen` lets nothing pass but what is valid for this type.
    read: (message) => read(message as Message<T>),
    listen: (handle) => on(type, handle),
  };
}
