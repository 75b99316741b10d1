import { type Clock, crashPoint, pause } from '@flotilla/kernel';
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
  readonly clock: Clock;
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
  const abort = new AbortController();
  let interrupted = false;
  const interrupt = (reason: Error) => {
    interrupted = true;
    abort.abort(reason);
  };
  lease.interrupts.add(interrupt);
  const start = performance.now();
  const timeoutMs = timeoutMsOf(step, { instance, state, now: start });
  const answered = new AbortController();
  const timeout = pause(deps.clock, timeoutMs, answered.signal).then(() => {
    if (!answered.signal.aborted)
      abort.abort(sagaError('SAGA_STEP_TIMEOUT', `no answer within ${Math.round(timeoutMs)} ms`));
  });
  try {
    const call = callOf(instance, open, abort.signal, start + timeoutMs);
    const { event, ...rest } = await attempt(deps, instance, step, call);
    if (interrupted) return undefined;
    return open.branch === '' ? { event, ...rest } : { event: { ...event, branch: open.branch }, ...rest };
  } finally {
    lease.interrupts.delete(interrupt);
    answered.abort('answered'); // with a reason of its own: the default one is an error with a stack
    await timeout;
  }
}

function callOf(
  instance: Instance,
  { branch, commandId }: OpenStep,
  signal: AbortSignal,
  deadlineAt: number,
): SagaUndoCall {
  const { id, state } = instance;
  const retries = state.branches?.find(({ name }) => name === branch)?.retries ?? 0;
  const undoes = commandIdAt(instance, state, 'do', branch);
  return { sagaId: id, commandId, attempt: state.attempt + retries, signal, deadlineAt, undoes };
}

async function attempt(
  deps: CallDeps,
  instance: Instance,
  step: SagaStep<object>,
  { undoes, ...call }: SagaUndoCall,
): Promise<Outcome> {
  const { id, definition, state, trace } = instance;
  const { direction } = state;
  const { signal, deadlineAt } = call;
  const attributes = {
    'saga.id': id,
    'saga.type': definition.type,
    'saga.step': step.name,
    'saga.direction': direction,
    'saga.attempt': call.attempt,
  };
  const context = { trace, deadlineAt, correlationId: id };
  const start = performance.now();
  const outcome = await runInContext(context, () =>
    withSpan(`saga ${direction} ${step.name}`, attributes, () =>
      unlessAborted(signal, () =>
        direction === 'do' ? execute(step, instance, call) : undo(step, instance, { ...call, undoes }),
      ),
    ).catch(
      (error: unknown): Outcome => ({
        // What a call throws when its signal is aborted says less than why it was aborted.
        event: { kind: 'failed', fault: toFault(signal.aborted ? signal.reason : error) },
      }),
    ),
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

/** Stops waiting for a call that does not heed its signal. */
async function unlessAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const fail = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', fail, { once: true });
  if (signal.aborted) fail();
  try {
    return await Promise.race([aborted.promise, work()]);
  } finally {
    signal.removeEventListener('abort', fail);
  }
}
