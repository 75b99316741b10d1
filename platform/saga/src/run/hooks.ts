import type { Transaction } from '@flotilla/postgres';
import { isEnded, type SagaEvent, type Transition } from '../decide/state.ts';
import { stepAt } from '../define/definition.ts';
import type { Fault } from '../errors.ts';
import type { Instance } from '../store/instance.ts';

/** Resolves to the data of the following steps. */
export type RunHooks = (tx: Transaction) => Promise<object>;

type Hook = (tx: Transaction, data: object) => Promise<object>;

/** Everything of a definition that belongs into the transaction of one transition; `undefined` when there is nothing. */
export function hooksOf(
  before: Instance,
  next: Transition,
  event: SagaEvent,
  result: unknown,
): RunHooks | undefined {
  const hooks = [
    stepHook(before, next, event.branch ?? '', result),
    endHook(before, next),
    stuckHook(before, next, faultOf(event)),
  ].filter((hook) => hook !== undefined);
  if (hooks.length === 0) return undefined;
  return async (tx) => {
    let { data } = before;
    for (const hook of hooks) data = await hook(tx, data);
    return data;
  };
}

export function faultOf(event: SagaEvent): Fault | undefined {
  return event.kind === 'failed' || event.kind === 'unrecorded' ? event.fault : undefined;
}

function stepHook(
  { definition, state }: Instance,
  next: Transition,
  branch: string,
  result: unknown,
): Hook | undefined {
  if (next.closed !== 'done') return undefined;
  const step = stepAt(definition, state.step, branch);
  if (state.direction === 'do')
    return step.onDone && (async (tx, data) => (await step.onDone?.(tx, data, result as never)) ?? data);
  if (!('onUndone' in step) || !step.onUndone) return undefined;
  return keeping(async (tx, data) => await step.onUndone?.(tx, data));
}

function endHook({ definition }: Instance, { state: { status, reason } }: Transition): Hook | undefined {
  if (status === 'completed')
    return definition.onCompleted && keeping(async (tx, data) => await definition.onCompleted?.(tx, data));
  if (!isEnded(status) || reason === undefined || !definition.onCompensated) return undefined;
  return keeping(async (tx, data) => await definition.onCompensated?.(tx, data, reason));
}

function stuckHook({ definition, state }: Instance, next: Transition, fault?: Fault): Hook | undefined {
  const became = next.state.status === 'stuck' && state.status !== 'stuck';
  if (!became || fault === undefined || !definition.onStuck) return undefined;
  return keeping(async (tx, data) => await definition.onStuck?.(tx, data, fault));
}

function keeping(hook: (tx: Transaction, data: object) => Promise<unknown>): Hook {
  return async (tx, data) => {
    await hook(tx, data);
    return data;
  };
}
