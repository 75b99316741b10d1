/** Resilience libraries of Node's world around a call that does nothing. */
import {
  bulkhead,
  circuitBreaker,
  ExponentialBackoff,
  handleAll,
  retry,
  SamplingBreaker,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel';
import CircuitBreaker from 'opossum';
import { runProgram } from '../program.ts';
import { type Call, measureCalls } from '../resilience/measure-calls.ts';

const breakerPolicy = () =>
  circuitBreaker(handleAll, {
    halfOpenAfter: 5_000,
    breaker: new SamplingBreaker({ threshold: 0.5, duration: 10_000 }),
  });

/** Retry, breaker, time-out and bulkhead, as ours composes them; it has neither budget nor permits. */
function cockatiel(): Call {
  const composed = wrap(
    timeout(5_000, TimeoutStrategy.Aggressive),
    retry(handleAll, { maxAttempts: 2, backoff: new ExponentialBackoff() }),
    breakerPolicy(),
    bulkhead(256, 1_024),
  );
  return (work) => composed.execute(() => work());
}

function cockatielBreaker(): Call {
  const breaker = breakerPolicy();
  return (work) => breaker.execute(() => work());
}

/** Breaker, time-out and semaphore; it knows no retries. */
function opossum(): Call {
  const breaker = new CircuitBreaker((work: () => Promise<number>) => work(), {
    timeout: 5_000,
    capacity: 256,
    volumeThreshold: 20,
  });
  return (work) => breaker.fire(work);
}

const CALLS: Readonly<Record<string, () => Call>> = {
  'cockatiel 4': cockatiel,
  'cockatiel 4, breaker alone': cockatielBreaker,
  'opossum 10': opossum,
};

await runProgram(async ({ kind }: { readonly kind: string }) => {
  const call = CALLS[kind]?.();
  if (call === undefined) throw new Error(`no contender ${kind}`);
  return { commands: { measure: () => measureCalls(call) }, close: async () => undefined };
});
