import { remainingMs } from '@flotilla/telemetry';
import { createCoalesce } from '../limits/coalesce.ts';
import { Execution } from './execution.ts';
import type { Attempt, PolicyCall, PolicyOptions, PolicyState } from './policy-options.ts';
import { createPolicyParts, type PolicyParts, stateOf } from './policy-parts.ts';

/** Runs work under all policies at once. */
export interface Policy {
  <T>(work: (attempt: Attempt) => Promise<T>, call?: PolicyCall<T>): Promise<T>;
  state(): PolicyState;
}

const NOTHING_SPECIAL: PolicyCall<never> = {};

/**
 * Composes deadline, rate limit, retries within a budget, hedging, bulkhead or adaptive limit, breaker, coalescing and
 * fallback into one function. From the outside in: a call has one deadline, over all that follows; each of its attempts
 * takes a slot and a permit of the breaker and is one sample of both; the slot is free when the work has really ended.
 */
export function policy(options: PolicyOptions): Policy {
  const parts = createPolicyParts(options);
  const coalesce = createCoalesce();

  function run<T>(work: (attempt: Attempt) => Promise<T>, call: PolicyCall<T> = NOTHING_SPECIAL): Promise<T> {
    const allowedMs = Math.min(
      call.deadlineMs ?? parts.deadlineMs,
      remainingMs() ?? Number.POSITIVE_INFINITY,
    );
    if (call.key !== undefined) return together(call.key, work, call, allowedMs);
    return execute(parts, work, call, allowedMs);
  }

  /** A call that joins waits with its own deadline and signal. */
  function together<T>(
    key: string,
    work: (attempt: Attempt) => Promise<T>,
    call: PolicyCall<T>,
    allowedMs: number,
  ): Promise<T> {
    let isFirst = false;
    const shared = coalesce(key, () => {
      isFirst = true;
      return execute(parts, work, call, allowedMs);
    });
    if (isFirst) return shared;
    parts.counts.coalesced += 1;
    return execute(waiting, () => shared, { signal: call.signal }, allowedMs);
  }

  const waiting = createPolicyParts({
    ...options,
    retry: false,
    breaker: false,
    bulkhead: false,
    adaptive: false,
    hedge: false,
    rate: false,
  });
  return Object.assign(run, { state: () => stateOf(parts) });
}

function execute<T>(
  parts: PolicyParts,
  work: (attempt: Attempt) => Promise<T>,
  call: PolicyCall<T>,
  allowedMs: number,
): Promise<T> {
  return new Promise((resolve, reject) => {
    new Execution(parts, work, call, resolve, reject).start(allowedMs);
  });
}
