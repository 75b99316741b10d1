import type { Handler, Message, MessageType } from '@flotilla/messaging';
import { on } from '@flotilla/messaging';
import type { Transaction } from '@flotilla/postgres';
import type { SagaPlan, SagaReason } from '../decide/state.ts';
import type { Fault } from '../errors.ts';
import { planOf } from './plan.ts';
import {
  isGroup,
  type MessageStep,
  type ParallelGroup,
  type SagaElement,
  type SagaStep,
  type SingleStep,
  type WaitStep,
} from './step.ts';

/** Lets TypeScript infer the result of `do` for `onDone`. */
export type DefineStep<Data extends object> = <Result>(step: SagaStep<Data, Result>) => SagaStep<Data>;

/** The other elements a saga is made of. */
export interface SagaElements<Data extends object> {
  /** Sends a command and awaits the reply. */
  send<Result>(step: MessageStep<Data, Result>): MessageStep<Data>;
  /** Opens these together and goes on when all are done; neither the pivot nor another group may be among them. */
  parallel(name: string, members: readonly SingleStep<Data>[]): ParallelGroup<Data>;
  wait(step: WaitStep<Data>): WaitStep<Data>;
}

/** A business event that a running saga takes in. Made by `onEvent`. */
export interface SagaEventHandler<Data extends object> {
  readonly type: string;
  keyOf(message: Message): string;
  apply(tx: Transaction, data: Data, message: Message): Promise<Data> | Data;
  listen(handle: (message: Message, tx: Transaction) => Promise<void>): Handler;
}

/**
 * Delivers messages of a type to the saga that has the key among its correlation keys: kept until that saga starts, and
 * applied once. `apply` returns the new data.
 */
export type DefineEvent<Data extends object> = <T>(
  type: MessageType<T>,
  event: {
    readonly key: (message: Message<T>) => string;
    readonly apply: (tx: Transaction, data: Data, message: Message<T>) => Promise<Data> | Data;
  },
) => SagaEventHandler<Data>;

/** How instances of an older version become instances of this one. */
export interface SagaMigration<Data extends object> {
  readonly from: number;
  /** The name of an old step or group here; `undefined`: it has no counterpart. Default: the same name. */
  readonly step?: (name: string) => string | undefined;
  /** Default: unchanged. */
  readonly data?: (data: object) => Data;
}

/** Awaited; what those of the end return counts for nothing. */
interface Hooks<Data extends object> {
  /** Whose work a saga is, from the data it starts with: a customer, a tenant. Each has a fair share of an engine. */
  fairBy?(data: Data): string;
  /** In the transaction that ends the saga. */
  onCompleted?(tx: Transaction, data: Data): unknown;
  /** In the transaction that ends the saga, after everything was undone. */
  onCompensated?(tx: Transaction, data: Data, reason: SagaReason): unknown;
  /** In the transaction that marks it stuck: the engine keeps trying, but somebody should look. */
  onStuck?(tx: Transaction, data: Data, fault: Fault): unknown;
}

interface SagaFacts {
  /** Stable name: `place-order`. */
  readonly type: string;
  /** Raise it with every change of the steps; keep the old definition registered while instances of it run. */
  readonly version: number;
  /** From the start. When it passes before the pivot was started, the saga compensates. */
  readonly deadlineMs: number;
}

export interface SagaDeclaration<Data extends object> extends SagaFacts, Hooks<Data> {
  /** In order of execution: `(step, { send, parallel, wait }) => [step({ … }), send({ … })]`. */
  readonly steps: (step: DefineStep<Data>, elements: SagaElements<Data>) => readonly SagaElement<Data>[];
  /** `(onEvent) => [onEvent(type, { … })]` */
  readonly events?: (onEvent: DefineEvent<Data>) => readonly SagaEventHandler<Data>[];
  readonly migrations?: readonly SagaMigration<Data>[];
}

/** Methods, not properties: their parameters are compared bivariantly, which is what lets definitions of different data share one engine. An engine only ever gives a definition its own data. */
export interface SagaDefinition<Data extends object = object> extends SagaFacts, Hooks<Data> {
  readonly steps: readonly SagaElement<Data>[];
  readonly events: readonly SagaEventHandler<Data>[];
  readonly migrations: readonly {
    readonly from: number;
    step(name: string): string | undefined;
    data(data: object): Data;
  }[];
  readonly plan: SagaPlan;
}

/** Declares a saga. `Data` must survive JSON. Throws `TypeError` or `RangeError` for a contradictory declaration. */
export function defineSaga<Data extends object>(declaration: SagaDeclaration<Data>): SagaDefinition<Data> {
  const { type, version, deadlineMs, steps, events, migrations = [], ...hooks } = declaration;
  const elements = steps((step) => step, {
    send: (step) => step,
    parallel: (name, members) => ({ name, members }),
    wait: (step) => step,
  });
  const plan = planOf(declaration, elements);
  return {
    ...{ type, version, deadlineMs, plan, ...hooks },
    steps: elements,
    events: events?.(defineEvent) ?? [],
    migrations: migrations.map(({ from, step = (name) => name, data = (old) => old as Data }) => {
      if (!(from >= 1 && from < version))
        throw new RangeError(`saga ${type}: version ${version} cannot be reached from version ${from}`);
      return { from, step, data };
    }),
  };
}

function defineEvent<Data extends object, T>(
  type: MessageType<T>,
  event: {
    readonly key: (message: Message<T>) => string;
    readonly apply: (tx: Transaction, data: Data, message: Message<T>) => Promise<Data> | Data;
  },
): SagaEventHandler<Data> {
  return {
    type: type.type,
    // Sound: `listen` lets nothing pass but what is valid for this type.
    keyOf: (message) => event.key(message as Message<T>),
    apply: (tx, data, message) => event.apply(tx, data, message as Message<T>),
    listen: (handle) => on(type, handle),
  };
}

/** The step that is open: the one at this place, or the named branch of the group there. */
export function stepAt(definition: SagaDefinition, index: number, branch: string): SingleStep<object> {
  const element = definition.steps[index];
  const step = element && isGroup(element) ? element.members.find(({ name }) => name === branch) : element;
  if (step === undefined)
    throw new RangeError(`saga ${definition.type} has no step ${index} ${branch}`.trimEnd());
  return step;
}
