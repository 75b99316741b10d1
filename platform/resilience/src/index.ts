export { type AdaptiveLimit, type AdaptiveLimitOptions, createAdaptiveLimit } from './adaptive-limit.ts';
export { fullJitterMs, retryAfterMs } from './backoff.ts';
export {
  type Breaker,
  type BreakerOptions,
  type BreakerState,
  type CallOutcome,
  createBreaker,
} from './breaker.ts';
export { type Bulkhead, type BulkheadOptions, createBulkhead, type Waiter } from './bulkhead.ts';
export { type Coalesce, createCoalesce } from './coalesce.ts';
export { type EjectionOptions, mayEject } from './ejection.ts';
export type { ResilienceError, ResilienceErrorCode } from './errors.ts';
export { createFailureWindow, type FailureWindow } from './failure-window.ts';
export { createInstances, ejectionMs, type Instance, type Instances, learn } from './instances.ts';
export { createLatencyTracker, type LatencyTracker } from './latency.ts';
export {
  DRAINING_FIELD,
  PRIORITY_FIELD,
  REFUSED_FIELD,
  RETRY_ATTEMPT_FIELD,
  RETRY_OWNER_FIELD,
  type RefusalReason,
  refusalReason,
} from './marks.ts';
export { type Policy, policy } from './policy.ts';
export type {
  Attempt,
  HedgeOptions,
  PolicyCall,
  PolicyOptions,
  PolicyState,
  RetryOptions,
} from './policy-options.ts';
export { createRateLimiter, type RateLimit, type RateLimiter } from './rate-limiter.ts';
export { createRetryBudget, type RetryBudget } from './retry-budget.ts';
export { createShedding, lowerPriority, type Priority, type SheddingOptions } from './shedding.ts';
export { createTimerWheel, type TimerWheel } from './timer-wheel.ts';
export { createSystemTimers, systemTimers, type Timer, type Timers } from './timers.ts';
export { type Judge, judgePlatformError, type Verdict } from './verdict.ts';
