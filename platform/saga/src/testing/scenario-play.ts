import { AssertionError } from 'node:assert/strict';
import type { Message } from '@flotilla/messaging';
import type { Queryable, Transaction } from '@flotilla/postgres';
import { firstState } from '../decide/course.ts';
import {
  answerCancel,
  hasStartedPivot,
  isEnded,
  type SagaEvent,
  type SagaReason,
  type SagaState,
  type SagaStatus,
  type Transition,
} from '../decide/state.ts';
import { transition } from '../decide/transition.ts';
import { type SagaDefinition, stepAt } from '../define/definition.ts';
import { isMessage, viaOf } from '../define/step.ts';
import type { Fault } from '../errors.ts';
import { branchMeant, forceCompensate, forceComplete } from '../operate/verbs.ts';
import { hooksOf } from '../run/hooks.ts';
import { commandIdAt, commandOf } from '../run/opening.ts';
import type { Instance, OpenStep } from '../store/instance.ts';
import type { SagaVerb } from '../store/order.ts';
import type { CallName, Replied, ScriptedOutcome } from './scenario.ts';

export interface Script {
  readonly outcomes: Map<string, ScriptedOutcome[]>;
  readonly events: Map<string, Replied['replied'][]>;
  readonly orders: SagaVerb[];
}

interface Played {
  readonly status: SagaStatus;
  readonly calls: readonly CallName[];
  readonly commands: readonly { readonly type: string; readonly data: unknown }[];
  readonly data: object;
  readonly reason: SagaReason | undefined;
}

const MAX_CALLS = 1_000;

const FAULTS: Readonly<Record<'throws' | 'times-out' | 'fails', Fault>> = {
  throws: { code: 'Error', message: 'scripted', retryable: true },
  'times-out': { code: 'SAGA_STEP_TIMEOUT', message: 'scripted', retryable: true },
  fails: { code: 'SCRIPTED_FAILURE', message: 'scripted', retryable: false },
};

/** A saga on its way. */
interface Play {
  readonly script: Script;
  readonly tx: Transaction;
  readonly calls: CallName[];
  readonly commands: { readonly type: string; readonly data: unknown }[];
  late: boolean;
}

export async function play(
  definition: SagaDefinition,
  data: object,
  script: Script,
  query: Queryable['query'],
): Promise<Played> {
  const now: Play = { script, tx: transactionOf(query), calls: [], commands: [], late: false };
  let instance = firstInstance(definition, data);
  while (!isEnded(instance.state.status)) {
    if (instance.state.status === 'stuck') {
      const order = script.orders.shift();
      if (order === undefined) break;
      instance = await operate(now, instance, order);
      if (order.verb !== 'retry') continue;
    }
    // One turn for each branch that is open now.
    for (const open of instance.open) {
      if (instance.open.some(({ branch }) => branch === open.branch))
        instance = await attempt(now, instance, open);
      if (isEnded(instance.state.status)) break;
    }
  }
  const { status, reason } = instance.state;
  return { status, calls: now.calls, commands: now.commands, data: instance.data, reason };
}

async function attempt(now: Play, first: Instance, open: OpenStep): Promise<Instance> {
  const { definition, state } = first;
  const step = stepAt(definition, state.step, open.branch);
  const branch = open.branch === '' ? {} : { branch: open.branch };
  if (first.state.reason && state.direction === 'do')
    return await apply(now, first, { kind: 'due', ...branch });
  const call: CallName = `${state.direction} ${step.name}`;
  const arrived = await takeEvents(now, first, call);
  if (now.calls.push(call) > MAX_CALLS)
    throw new AssertionError({ message: `no end after ${MAX_CALLS} calls` });
  if (isMessage(step)) {
    const { type, data } = commandOf(step, { instance: arrived, ...arrived }, open);
    now.commands.push({ type, data });
  }
  const outcome = now.script.outcomes.get(call)?.shift() ?? 'succeeds';
  if (outcome === 'deadline') now.late = true;
  const { event, result } = toEvent(arrived, open, outcome);
  return await apply(now, cancelledBy(arrived, outcome), { ...event, ...branch }, result);
}

async function apply(now: Play, before: Instance, event: SagaEvent, result?: unknown): Promise<Instance> {
  const conditions = { deadlineInMs: now.late ? -1 : 1, stuckAfterAttempts: 20, stuckRetryMs: 0, random: 0 };
  return await write(
    now,
    before,
    transition(before.definition.plan, before.state, event, conditions),
    event,
    result,
  );
}

async function write(
  { tx }: Play,
  before: Instance,
  next: Transition,
  event: SagaEvent,
  result?: unknown,
): Promise<Instance> {
  const hooks = hooksOf(before, next, event, result);
  const data = hooks ? await hooks(tx) : before.data;
  return { ...before, data, state: next.state, open: openIn(before, next.state) };
}

async function takeEvents(now: Play, instance: Instance, call: CallName): Promise<Instance> {
  let { data } = instance;
  for (const event of now.script.events.get(call)?.splice(0) ?? []) {
    const handler = instance.definition.events.find(({ type }) => type === event.type);
    if (handler) data = await handler.apply(now.tx, data, messageOf(event));
  }
  return { ...instance, data };
}

async function operate(now: Play, instance: Instance, order: SagaVerb): Promise<Instance> {
  if (order.verb === 'edit') return { ...instance, data: order.data };
  if (order.verb === 'skip') {
    const meant = branchMeant(instance, order.step);
    if ('refusal' in meant) throw new AssertionError({ message: meant.refusal.message });
    const branch = meant.branch === '' ? {} : { branch: meant.branch };
    return await apply(now, instance, { kind: 'succeeded', ...branch }, order.result);
  }
  if (order.verb !== 'compensate' && order.verb !== 'complete') return instance;
  const forced = order.verb === 'compensate' ? forceCompensate(instance) : forceComplete(instance);
  if ('refusal' in forced) throw new AssertionError({ message: forced.refusal.message });
  return await write(now, instance, forced.transition, forced.event);
}

function openIn(
  instance: Pick<Instance, 'id' | 'definition' | 'renamed'>,
  state: SagaState,
): readonly OpenStep[] {
  if (isEnded(state.status)) return [];
  const names = state.branches?.filter(({ status }) => status === 'open').map(({ name }) => name) ?? [''];
  return names.map((branch) => ({
    branch,
    via: viaOf(stepAt(instance.definition, state.step, branch)),
    epoch: 1,
    commandId: commandIdAt(instance, state, state.direction, branch),
    dueAt: 0,
    sent: false,
  }));
}

function firstInstance(definition: SagaDefinition, data: object): Instance {
  const state = firstState(definition.plan);
  const born = { id: '00000000-0000-7000-8000-000000000000', definition, fairKey: undefined, renamed: {} };
  return {
    ...born,
    ...{ epoch: 1, version: 1, startedAt: 0, deadlineAt: 0, data, state },
    open: openIn(born, state),
    trace: { traceId: '0'.repeat(32), spanId: '0'.repeat(16), sampled: false },
  };
}

function cancelledBy(instance: Instance, outcome: ScriptedOutcome): Instance {
  if (typeof outcome !== 'object' || !('cancelled' in outcome)) return instance;
  const { state, definition } = instance;
  const pivotStarted = hasStartedPivot(definition.plan, state);
  if (answerCancel({ status: state.status, pivotStarted }) !== 'requested') return instance;
  return { ...instance, state: { ...state, cancelReason: outcome.cancelled } };
}

function toEvent(
  instance: Instance,
  open: OpenStep,
  outcome: ScriptedOutcome,
): { readonly event: SagaEvent; readonly result?: unknown } {
  if (outcome === 'throws' || outcome === 'times-out' || outcome === 'fails')
    return { event: { kind: 'failed', fault: FAULTS[outcome] } };
  if (typeof outcome === 'object' && 'replied' in outcome)
    return toEvent(instance, open, read(instance, open, outcome));
  if (typeof outcome === 'object' && 'ok' in outcome) {
    if (!outcome.ok) return { event: { kind: 'rejected', rejection: outcome.reason } };
    return { event: { kind: 'succeeded' }, result: outcome.result };
  }
  return { event: { kind: 'succeeded' } };
}

function read({ definition, state }: Instance, { branch }: OpenStep, outcome: Replied): ScriptedOutcome {
  const step = stepAt(definition, state.step, branch);
  const replies = isMessage(step)
    ? state.direction === 'do'
      ? step.replies
      : step.undo?.replies
    : undefined;
  const reply = replies?.find(({ type }) => type === outcome.replied.type);
  if (reply === undefined)
    throw new AssertionError({ message: `${step.name} awaits no ${outcome.replied.type}` });
  return reply.read(messageOf(outcome.replied));
}

function messageOf({ type, data }: Replied['replied']): Message {
  const id = '00000000-0000-7000-8000-000000000001';
  return { id, type, data, source: 'scenario', time: '1970-01-01T00:00:00.000Z', key: '' };
}

function transactionOf(query: Queryable['query']): Transaction {
  return {
    query,
    defer: () => undefined,
    afterCommit: () => undefined,
    savepoint: (work) => work(),
  };
}
