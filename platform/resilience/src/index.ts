export {
  createEdges,
  type Edge,
  type EdgeOptions,
  type EdgeSettings,
  type EdgeState,
  type Edges,
  type EdgesOptions,
} from './edge/edges.ts';
export {
  createFaults,
  type Fault,
  type Faults,
  formatFault,
  type InjectedFault,
  parseFault,
} from './edge/faults.ts';
export { createReach, type Reach } from './edge/reach.ts';
export { type FaultForms, sufferFault } from './edge/suffer-fault.ts';
export type { ResilienceError, ResilienceErrorCode } from './errors.ts';
export {
  type Breaker,
  type BreakerOptions,
  type BreakerState,
  type CallOutcome,
  createBreaker,
} from './failures/breaker.ts';
export { type EjectionOptions, mayEject } from './failures/ejection.ts';
export { createFailureWindow, type FailureWindow } from './failures/failure-window.ts';
export { createInstances, ejectionMs, type Instance, type Instances, learn } from './failures/instances.ts';
export {
  DRAINING_FIELD,
  PRIORITY_FIELD,
  REFUSED_FIELD,
  RETRY_ATTEMPT_FIELD,
  RETRY_OWNER_FIELD,
  type RefusalReason,
  refusalReason,
} from './failures/marks.ts';
export { createRetryBudget, type RetryBudget } from './failures/retry-budget.ts';
export { type Judge, judgePlatformError, type Verdict } from './failures/verdict.ts';
export {
  type AdaptiveLimit,
  type AdaptiveLimitOptions,
  createAdaptiveLimit,
} from './limits/adaptive-limit.ts';
export { type Bulkhead, type BulkheadOptions, createBulkhead, type Waiter } from './limits/bulkhead.ts';
export { type Coalesce, createCoalesce } from './limits/coalesce.ts';
export { type LoopDelay, measureLoopDelay } from './limits/loop-delay.ts';
export { createRateLimiter, type RateLimit, type RateLimiter } from './limits/rate-limiter.ts';
export { createShedding, lowerPriority, type Priority, type SheddingOptions } from './limits/shedding.ts';
export { type Policy, policy } from './policy/policy.ts';
export type {
  Attempt,
  HedgeOptions,
  PolicyCall,
  PolicyOptions,
  PolicyState,
  RetryOptions,
} from './policy/policy-options.ts';
export { fullJitterMs, retryAfterMs } from './time/backoff.ts';
export { createLatencyTracker, type LatencyTracker } from './time/latency.ts';
export { createTimerWheel, type TimerWheel } from './time/timer-wheel.ts';
export { createSystemTimers, systemTimers, type Timer, type Timers } from './time/timers.ts';
