import { crashPoint, within } from '@flotilla/kernel';
import { runInContext, withSpan } from '@flotilla/telemetry';
import { stepAt } from '../define/definition.ts';
import { isCall, type SagaCall, type SagaStep, type SagaUndoCall } from '../define/step.ts';
import { sagaError, toFault } from '../errors.ts';
import type { Instance, OpenStep } from '../store/instance.ts';
import type { Lease } from './leases.ts';
import { commandIdAt, timeoutMsOf } from './opening.ts';
import { toRejection } from './rejection.ts';
import type { SagaMetrics } from './saga-metrics.ts';
import type { Outcome } from './write.ts';

export interface CallDeps {
  readonly metrics: SagaMetrics;
}

/**
 * Makes one attempt at the open step, outside of any transaction. `undefined`: it was interrupted because the
 * lease was lost or the engine closes, so nothing may be recorded.
 */
export async function callStep(
  deps: CallDeps,
  instance: Instance,
  open: OpenStep,
  lease: Lease,
): Promise<Outcome | undefined> {
  const { definition, state } = instance;
  const step = stepAt(definition, state.step, open.branch);
  if (!isCall(step)) throw new RangeError(`the step ${step.name} of ${definition.type} is no call`);
  const interruption = new AbortController();
  const { signal: interrupted } = interruption;
  const interrupt = (reason: Error) => interruption.abort(reason);
  lease.interrupts.add(interrupt);
  try {
    const { event, ...rest } = await attempt(deps, instance, step, { ...open, interrupted });
    if (interrupted.aborted) return undefined;
    return open.branch === '' ? { event, ...rest } : { event: { ...event, branch: open.branch }, ...rest };
  } finally {
    lease.interrupts.delete(interrupt);
  }
}

async function attempt(
  deps: CallDeps,
  instance: Instance,
  step: SagaStep<object>,
  { branch, commandId, interrupted }: OpenStep & { readonly interrupted: AbortSignal },
): Promise<Outcome> {
  const { id, definition, state, trace } = instance;
  const { direction } = state;
  const retries = state.branches?.find(({ name }) => name === branch)?.retries ?? 0;
  const start = performance.now();
  const timeoutMs = timeoutMsOf(step, { instance, state, now: start });
  const call = { sagaId: id, commandId, attempt: state.attempt + retries, deadlineAt: start + timeoutMs };
  const attributes = {
    'saga.id': id,
    'saga.type': definition.type,
    'saga.step': step.name,
    'saga.direction': direction,
    'saga.attempt': call.attempt,
  };
  const work = (signal: AbortSignal) =>
    direction === 'do'
      ? execute(step, instance, { ...call, signal })
      : undo(step, instance, { ...call, signal, undoes: commandIdAt(instance, state, 'do', branch) });
  const reason = () => sagaError('SAGA_STEP_TIMEOUT', `no answer within ${Math.round(timeoutMs)} ms`);
  const context = { trace, deadlineAt: call.deadlineAt, correlationId: id };
  const outcome = await runInContext(context, () =>
    withSpan(`saga ${direction} ${step.name}`, attributes, () =>
      within(timeoutMs, work, { signal: interrupted, reason }),
    ).catch((error: unknown): Outcome => ({ event: { kind: 'failed', fault: toFault(error) } })),
  );
  deps.metrics.called(definition.type, step.name, direction, outcome.event.kind, performance.now() - start);
  return outcome;
}

async function execute(step: SagaStep<object>, { data }: Instance, call: SagaCall): Promise<Outcome> {
  crashPoint('saga.before-call');
  const outcome = await step.do(data, call);
  crashPoint('saga.after-call');
  return outcome.ok
    ? { event: { kind: 'succeeded' }, result: outcome.result }
    : { event: { kind: 'rejected', rejection: toRejection(outcome.reason) } };
}

async function undo(step: SagaStep<object>, { data }: Instance, call: SagaUndoCall): Promise<Outcome> {
  crashPoint('saga.before-undo');
  await step.undo?.(data, call);
  crashPoint('saga.after-undo');
  return { event: { kind: 'succeeded' } };
}
