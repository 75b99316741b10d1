import { deepEqual, equal } from 'node:assert/strict';
import type { MessageType } from '@flotilla/messaging';
import type { Queryable } from '@flotilla/postgres';
import type { Direction, SagaStatus } from '../decide/state.ts';
import type { SagaDefinition } from '../define/definition.ts';
import { isGroup, type StepOutcome } from '../define/step.ts';
import type { SagaVerb } from '../store/order.ts';
import { play, type Script } from './scenario-play.ts';

/** `do reserve-stock` or `undo reserve-stock`: a call, a command, or a wait. */
export type CallName = `${Direction} ${string}`;

/**
 * What a call comes to. `throws` and `times-out` are faults of unknown outcome, after which the same call is made
 * again; `fails` is a fault that no retry can cure. `cancelled` and `deadline` succeed, but meanwhile a
 * cancellation was asked for with this code, or the deadline passed. `replied` is a message that answers a command.
 */
export type ScriptedOutcome =
  | StepOutcome<unknown>
  | 'succeeds'
  | 'throws'
  | 'times-out'
  | 'fails'
  | 'deadline'
  | { readonly cancelled: string }
  | Replied;

/** Made by `replied`. */
export interface Replied {
  readonly replied: { readonly type: string; readonly data: unknown };
}

/** A reply as the participant of a message step sends it. */
export function replied<T>(type: MessageType<T>, data: T): Replied {
  return { replied: { type: type.type, data } };
}

export interface Expectation<Data> {
  readonly status: SagaStatus;
  /** Every call and command in order, retries included. The branches of a group take turns, as they are declared. */
  readonly calls?: readonly CallName[];
  /** Every command that was sent, in order. */
  readonly commands?: readonly { readonly type: string; readonly data: unknown }[];
  readonly data?: Data;
  /** Code of the reason why it turned around. */
  readonly reason?: string;
}

export interface Scenario<Data> {
  /** Scripts the next outcomes of a call; a call without a script succeeds. */
  when(call: CallName, ...outcomes: readonly ScriptedOutcome[]): Scenario<Data>;
  /** An event arrives just before this call is made for the first time. */
  given<T>(before: CallName, type: MessageType<T>, data: T): Scenario<Data>;
  /** What an operator does the next time it is stuck. */
  operate(verb: Exclude<SagaVerb, { readonly verb: 'migrate' | 'cancel' }>): Scenario<Data>;
  /** Plays the saga and compares. Stops at `stuck`. Throws `AssertionError`, also for a script that was not used up. */
  expect(expected: Expectation<Data>): Promise<void>;
}

/**
 * Plays a saga by its rules alone: no database, no time, no call, no message. `do`, `undo` and participants are replaced
 * by the script; waits are over at once; hooks run, in a transaction that `query` answers (default: no rows).
 */
export function runScenario<Data extends object>(
  definition: SagaDefinition<Data>,
  data: Data,
  query: Queryable['query'] = async () => [],
): Scenario<Data> {
  const script: Script = { outcomes: new Map(), events: new Map(), orders: [] };
  const calls = callsOf(definition);
  const check = (call: CallName) => {
    if (!calls.has(call)) throw new TypeError(`${definition.type} has no call ${call}`);
  };
  const scenario: Scenario<Data> = {
    when: (call, ...outcomes) => {
      check(call);
      script.outcomes.set(call, [...(script.outcomes.get(call) ?? []), ...outcomes]);
      return scenario;
    },
    given: (before, type, event) => {
      check(before);
      if (!definition.events.some((one) => one.type === type.type))
        throw new TypeError(`${definition.type} takes no event ${type.type}`);
      script.events.set(before, [...(script.events.get(before) ?? []), { type: type.type, data: event }]);
      return scenario;
    },
    operate: (verb) => {
      script.orders.push(verb);
      return scenario;
    },
    expect: async (expected) => {
      const played = await play(definition, data, script, query);
      equal(played.status, expected.status, `ended ${played.status} after ${played.calls.join(', ')}`);
      if (expected.calls) deepEqual(played.calls, expected.calls);
      if (expected.commands) deepEqual(played.commands, expected.commands);
      if (expected.data) deepEqual(played.data, expected.data);
      if (expected.reason !== undefined) equal(played.reason?.code, expected.reason);
      const unused = [...script.outcomes, ...script.events].filter(([, left]) => left.length > 0);
      deepEqual(
        [...unused.map(([call]) => call), ...script.orders.map(({ verb }) => verb)],
        [],
        'scripted outcomes were not used',
      );
    },
  };
  return scenario;
}

function callsOf({ steps }: SagaDefinition): ReadonlySet<string> {
  const members = steps.flatMap((element) => (isGroup(element) ? element.members : [element]));
  return new Set(members.flatMap(({ name }) => [`do ${name}`, `undo ${name}`]));
}
