import { cancelledError, deadlineError } from '../errors.ts';
import { type Breaker, createBreaker } from '../failures/breaker.ts';
import { createRetryBudget, type RetryBudget } from '../failures/retry-budget.ts';
import { type Judge, judgePlatformError } from '../failures/verdict.ts';
import { type AdaptiveLimit, createAdaptiveLimit } from '../limits/adaptive-limit.ts';
import { type Bulkhead, createBulkhead } from '../limits/bulkhead.ts';
import { createRateLimiter, type RateLimiter } from '../limits/rate-limiter.ts';
import { createLatencyTracker, type LatencyTracker } from '../time/latency.ts';
import { systemTimers, type Timers } from '../time/timers.ts';
import type { HedgeOptions, PolicyOptions, PolicyState, RetryOptions } from './policy-options.ts';

/** What all calls of one policy share. */
export interface PolicyParts {
  readonly name: string;
  readonly deadlineMs: number;
  readonly attemptMs: number | undefined;
  readonly retry: (Required<RetryOptions> & { readonly budget: RetryBudget }) | undefined;
  readonly breaker: Breaker | undefined;
  readonly slowMs: number;
  readonly bulkhead: Bulkhead | undefined;
  readonly limitOf: () => number;
  readonly adaptive: AdaptiveLimit | undefined;
  readonly hedge: Hedge | undefined;
  readonly rate: RateLimiter | undefined;
  readonly latency: LatencyTracker;
  readonly judge: Judge;
  readonly errors: NonNullable<PolicyOptions['errors']>;
  readonly timers: Timers;
  readonly random: () => number;
  readonly onRetry: NonNullable<PolicyOptions['onRetry']>;
  readonly counts: Counts;
}

type Hedge = Required<HedgeOptions> & {
  /** Hundredths of a hedge that calls have earned. */
  saved: number;
};

/** Plain numbers that calls add to. */
interface Counts {
  calls: number;
  attempts: number;
  retries: number;
  retriesDenied: number;
  hedges: number;
  hedgesWon: number;
  fallbacks: number;
  coalesced: number;
  deadlines: number;
  hopeless: number;
  circuitRefusals: number;
  overloads: number;
}

const BREAKER = {
  consecutiveFailures: 10,
  failureRatio: 0.5,
  openJitter: 0.2,
  trials: 3,
  rampMs: 10_000,
};
const BULKHEAD = { maxConcurrent: 256, maxQueued: 1_024, maxWaitMs: 1_000 };
const RETRY = { attempts: 3, unsentAttempts: 24, baseMs: 50, maxMs: 1_000, budgetPercent: 10 };
const HEDGE = { percent: 5, quantile: 0.95, minimumSamples: 100, minimumMs: 5, isUseful: () => true };

export function createPolicyParts(options: PolicyOptions): PolicyParts {
  const { name, timers = systemTimers, random = Math.random, adaptive: adapting } = options;
  const adaptive = adapting ? createAdaptiveLimit(adapting) : undefined;
  const bulkhead = options.bulkhead === false ? undefined : { ...BULKHEAD, ...options.bulkhead };
  const maxConcurrent = adaptive ? () => adaptive.limit : (bulkhead?.maxConcurrent ?? 0);
  return {
    name,
    deadlineMs: options.deadlineMs ?? 5_000,
    attemptMs: options.attemptMs,
    retry: retryOf(options.retry),
    breaker: breakerOf(options, random),
    slowMs: (options.breaker || undefined)?.slowMs ?? Number.POSITIVE_INFINITY,
    bulkhead:
      bulkhead || adaptive ? createBulkhead({ ...BULKHEAD, ...bulkhead, maxConcurrent }, timers) : undefined,
    limitOf: typeof maxConcurrent === 'function' ? maxConcurrent : () => maxConcurrent,
    adaptive,
    hedge: options.hedge ? { ...HEDGE, ...options.hedge, saved: 0 } : undefined,
    rate: options.rate ? createRateLimiter(options.rate) : undefined,
    latency: createLatencyTracker(),
    judge: options.judge ?? judgePlatformError,
    errors: options.errors ?? {
      deadline: () => deadlineError(name),
      cancelled: (cause) => cancelledError(name, cause),
    },
    timers,
    random,
    onRetry: options.onRetry ?? (() => undefined),
    counts: noCounts(),
  };
}

function retryOf(options: PolicyOptions['retry']): PolicyParts['retry'] {
  if (options === false) return undefined;
  const retry = { ...RETRY, ...options };
  return { ...retry, budget: createRetryBudget(retry.budgetPercent) };
}

function breakerOf({ breaker, onBreakerChange }: PolicyOptions, random: () => number): Breaker | undefined {
  return breaker === false ? undefined : createBreaker({ ...BREAKER, ...breaker }, onBreakerChange, random);
}

function noCounts(): Counts {
  return {
    calls: 0,
    attempts: 0,
    retries: 0,
    retriesDenied: 0,
    hedges: 0,
    hedgesWon: 0,
    fallbacks: 0,
    coalesced: 0,
    deadlines: 0,
    hopeless: 0,
    circuitRefusals: 0,
    overloads: 0,
  };
}

export function stateOf({ name, counts, bulkhead, breaker, latency, limitOf }: PolicyParts): PolicyState {
  return {
    name,
    ...counts,
    stale: breaker?.stale ?? 0,
    running: bulkhead?.running ?? 0,
    zombies: bulkhead?.zombies ?? 0,
    queued: bulkhead?.queued ?? 0,
    limit: bulkhead ? limitOf() : 0,
    breaker: breaker?.state,
    p50Ms: latency.quantileMs(0.5),
    p95Ms: latency.quantileMs(0.95),
  };
}
