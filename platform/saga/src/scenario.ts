import { AssertionError, deepEqual, equal } from 'node:assert/strict';
import type { Queryable, Transaction } from '@flotilla/postgres';
import type { SagaDefinition } from './definition.ts';
import type { Fault } from './errors.ts';
import { hooksOf } from './hooks.ts';
import type { Instance } from './instance.ts';
import { firstState } from './rules.ts';
import {
  answerCancel,
  type Direction,
  hasStartedPivot,
  isEnded,
  type SagaEvent,
  type SagaReason,
  type SagaStatus,
} from './saga-state.ts';
import type { StepOutcome } from './step.ts';
import { transition } from './transition.ts';

/** `do reserve-stock` or `undo reserve-stock`. */
export type CallName = `${Direction} ${string}`;

/**
 * What a call comes to. `throws` and `times-out` are faults of unknown outcome, after which the same call is made
 * again; `fails` is a fault that no retry can cure. `cancelled` and `deadline` succeed, but meanwhile a
 * cancellation was asked for with this code, or the deadline passed.
 */
export type ScriptedOutcome =
  | StepOutcome<unknown>
  | 'succeeds'
  | 'throws'
  | 'times-out'
  | 'fails'
  | 'deadline'
  | { readonly cancelled: string };

export interface Expectation<Data> {
  readonly status: SagaStatus;
  /** Every call in order, retries included. */
  readonly calls?: readonly CallName[];
  readonly data?: Data;
  /** Code of the reason why it turned around. */
  readonly reason?: string;
}

export interface Scenario<Data> {
  /** Scripts the next outcomes of a call; a call without a script succeeds. */
  when(call: CallName, ...outcomes: readonly ScriptedOutcome[]): Scenario<Data>;
  /** Plays the saga and compares. Stops at `stuck`. Throws `AssertionError`, also for a script that was not used up. */
  expect(expected: Expectation<Data>): Promise<void>;
}

const MAX_CALLS = 1_000;

const FAULTS: Readonly<Record<'throws' | 'times-out' | 'fails', Fault>> = {
  throws: { code: 'Error', message: 'scripted', retryable: true },
  'times-out': { code: 'SAGA_STEP_TIMEOUT', message: 'scripted', retryable: true },
  fails: { code: 'SCRIPTED_FAILURE', message: 'scripted', retryable: false },
};

/**
 * Plays a saga by its rules alone: no database, no time, no call. `do` and `undo` are replaced by the script; hooks
 * run, in a transaction that `query` answers (default: no rows).
 */
export function runScenario<Data extends object>(
  definition: SagaDefinition<Data>,
  data: Data,
  query: Queryable['query'] = async () => [],
): Scenario<Data> {
  const script = new Map<string, ScriptedOutcome[]>();
  const scenario: Scenario<Data> = {
    when: (call, ...outcomes) => {
      const [direction = '', name = ''] = call.split(' ');
      if (!definition.steps.some((step) => step.name === name) || !['do', 'undo'].includes(direction))
        throw new TypeError(`${definition.type} has no call ${call}`);
      script.set(call, [...(script.get(call) ?? []), ...outcomes]);
      return scenario;
    },
    expect: async (expected) => {
      const played = await play(definition, data, script, transactionOf(query));
      equal(played.status, expected.status, `ended ${played.status} after ${played.calls.join(', ')}`);
      if (expected.calls) deepEqual(played.calls, expected.calls);
      if (expected.data) deepEqual(played.data, expected.data);
      if (expected.reason !== undefined) equal(played.reason?.code, expected.reason);
      const unused = [...script].filter(([, outcomes]) => outcomes.length > 0).map(([call]) => call);
      deepEqual(unused, [], 'scripted outcomes were not used');
    },
  };
  return scenario;
}

interface Played {
  readonly status: SagaStatus;
  readonly calls: readonly CallName[];
  readonly data: object;
  readonly reason: SagaReason | undefined;
}

async function play(
  definition: SagaDefinition,
  data: object,
  script: ReadonlyMap<string, ScriptedOutcome[]>,
  tx: Transaction,
): Promise<Played> {
  const calls: CallName[] = [];
  let instance = firstInstance(definition, data);
  let deadlineInMs = 1;
  while (!isEnded(instance.state.status) && instance.state.status !== 'stuck') {
    const { state } = instance;
    const call: CallName = `${state.direction} ${definition.steps[state.step]?.name ?? ''}`;
    if (calls.push(call) > MAX_CALLS)
      throw new AssertionError({ message: `no end after ${MAX_CALLS} calls` });
    const outcome = script.get(call)?.shift() ?? 'succeeds';
    if (outcome === 'deadline') deadlineInMs = -1;
    instance = cancelledBy(instance, outcome);
    const event = toEvent(outcome);
    const conditions = { deadlineInMs, stuckAfterAttempts: 20, stuckRetryMs: 0, random: 0 };
    const next = transition(definition.plan, instance.state, event, conditions);
    const result = typeof outcome === 'object' && 'ok' in outcome && outcome.ok ? outcome.result : undefined;
    const hooks = hooksOf(instance, next, event, result);
    instance = { ...instance, state: next.state, data: hooks ? await hooks(tx) : instance.data };
  }
  const { status, reason } = instance.state;
  return { status, calls, data: instance.data, reason };
}

function firstInstance(definition: SagaDefinition, data: object): Instance {
  return {
    id: '00000000-0000-7000-8000-000000000000',
    epoch: 1,
    definition,
    state: firstState(definition.plan),
    open: [],
    renamed: {},
    data,
    version: 1,
    trace: { traceId: '0'.repeat(32), spanId: '0'.repeat(16), sampled: false },
    startedAt: 0,
    deadlineAt: 0,
  };
}

function cancelledBy(instance: Instance, outcome: ScriptedOutcome): Instance {
  if (typeof outcome !== 'object' || !('cancelled' in outcome)) return instance;
  const { state, definition } = instance;
  const pivotStarted = hasStartedPivot(definition.plan, state);
  if (answerCancel({ status: state.status, pivotStarted }) !== 'requested') return instance;
  return { ...instance, state: { ...state, cancelReason: outcome.cancelled } };
}

function toEvent(outcome: ScriptedOutcome): SagaEvent {
  if (outcome === 'throws' || outcome === 'times-out' || outcome === 'fails')
    return { kind: 'failed', fault: FAULTS[outcome] };
  if (typeof outcome === 'object' && 'ok' in outcome && !outcome.ok)
    return { kind: 'rejected', rejection: outcome.reason };
  return { kind: 'succeeded' };
}

function transactionOf(query: Queryable['query']): Transaction {
  return { query, afterCommit: () => undefined, savepoint: (work) => work() };
}
