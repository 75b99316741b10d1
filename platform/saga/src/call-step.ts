import { type Clock, crashPoint } from '@flotilla/kernel';
import { type RecordSpan, runInContext, withSpan } from '@flotilla/telemetry';
import { commandIdOf } from './command-id.ts';
import type { SagaCall, SagaStep } from './definition.ts';
import { sagaError, toFault } from './errors.ts';
import type { Instance } from './instance.ts';
import type { Lease } from './leases.ts';
import type { SagaMetrics } from './saga-metrics.ts';
import { hasStartedPivot, type SagaEvent } from './transition.ts';
import { sleepUnless } from './wake-up.ts';

/** What a call came to; `result` is what `do` gave, for `onDone`. */
export interface CallOutcome {
  readonly event: SagaEvent;
  readonly result?: unknown;
}

export interface CallDeps {
  readonly clock: Clock;
  readonly metrics: SagaMetrics;
  readonly recordSpan: RecordSpan;
}

const DEFAULT_TIMEOUT_MS = 5_000;

/**
 * Makes one attempt at the open step, outside of any transaction. `undefined`: it was interrupted because the
 * lease was lost or the engine closes, so nothing may be recorded.
 */
export async function callStep(
  deps: CallDeps,
  instance: Instance,
  lease: Lease,
): Promise<CallOutcome | undefined> {
  const { definition, state } = instance;
  const step = definition.steps[state.step];
  if (step === undefined) throw new RangeError(`saga ${definition.type} has no step ${state.step}`);
  const abort = new AbortController();
  let interrupted = false;
  lease.interrupt = (reason) => {
    interrupted = true;
    abort.abort(reason);
  };
  const start = performance.now();
  const timeoutMs = timeoutOf(step, instance, start);
  const answered = new AbortController();
  const timeout = sleepUnless(deps.clock, timeoutMs, answered.signal).then(() => {
    if (!answered.signal.aborted)
      abort.abort(sagaError('SAGA_STEP_TIMEOUT', `no answer within ${Math.round(timeoutMs)} ms`));
  });
  try {
    const outcome = await attempt(deps, instance, step, abort.signal, start + timeoutMs);
    return interrupted ? undefined : outcome;
  } finally {
    lease.interrupt = undefined;
    answered.abort('answered'); // with a reason of its own: the default one is an error with a stack
    await timeout;
  }
}

function timeoutOf(step: SagaStep<object>, { definition, state, deadlineAt }: Instance, now: number): number {
  const timeoutMs = step.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  if (state.direction === 'undo' || hasStartedPivot(definition.plan, state)) return timeoutMs;
  return Math.max(1, Math.min(timeoutMs, deadlineAt - now));
}

async function attempt(
  deps: CallDeps,
  instance: Instance,
  step: SagaStep<object>,
  signal: AbortSignal,
  deadlineAt: number,
): Promise<CallOutcome> {
  const { id, definition, state, trace } = instance;
  const { direction } = state;
  const call: SagaCall = {
    sagaId: id,
    commandId: commandIdOf(id, step.name, direction),
    attempt: state.attempt,
    signal,
    deadlineAt,
  };
  const attributes = { 'saga.id': id, 'saga.type': definition.type, 'saga.attempt': state.attempt };
  const context = { trace, deadlineAt, correlationId: id, recordSpan: deps.recordSpan };
  const start = performance.now();
  const outcome = await runInContext(context, () =>
    withSpan(`saga ${direction} ${step.name}`, attributes, () =>
      unlessAborted(signal, () =>
        direction === 'do' ? execute(step, instance, call) : undo(step, instance, call),
      ),
    ).catch(
      (error: unknown): CallOutcome => ({
        // What a call throws when its signal is aborted says less than why it was aborted.
        event: { kind: 'failed', fault: toFault(signal.aborted ? signal.reason : error) },
      }),
    ),
  );
  deps.metrics.called(definition.type, step.name, direction, outcome.event.kind, performance.now() - start);
  return outcome;
}

async function execute(step: SagaStep<object>, { data }: Instance, call: SagaCall): Promise<CallOutcome> {
  crashPoint('saga.before-call');
  const outcome = await step.do(data, call);
  crashPoint('saga.after-call');
  return outcome.ok
    ? { event: { kind: 'succeeded' }, result: outcome.result }
    : { event: { kind: 'rejected', rejection: outcome.reason } };
}

async function undo(step: SagaStep<object>, { id, data }: Instance, call: SagaCall): Promise<CallOutcome> {
  crashPoint('saga.before-undo');
  await step.undo?.(data, { ...call, undoes: commandIdOf(id, step.name, 'do') });
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
