import type { BreakerOptions, BreakerState } from '../failures/breaker.ts';
import type { Judge } from '../failures/verdict.ts';
import type { AdaptiveLimitOptions } from '../limits/adaptive-limit.ts';
import type { BulkheadOptions } from '../limits/bulkhead.ts';
import type { RateLimit } from '../limits/rate-limiter.ts';
import type { Timers } from '../time/timers.ts';

export interface RetryOptions {
  /** Attempts in all that may have been carried out. Default 3. */
  readonly attempts?: number;
  /** Attempts in all while none of them reached an instance. Default 24. */
  readonly unsentAttempts?: number;
  /** The first wait is random below this, each further one below twice the one before. Default 50. */
  readonly baseMs?: number;
  /** Default 1,000. */
  readonly maxMs?: number;
  /** Retries as a share of all calls, 0 … 100; three a second are always allowed. Default 10. */
  readonly budgetPercent?: number;
}

export interface HedgeOptions {
  /** Hedges as a share of all calls, 0 … 100. Default 5. */
  readonly percent?: number;
  /** A second attempt starts when the first one takes longer than this share of the others. Default 0.95. */
  readonly quantile?: number;
  /** None before this many calls have been seen. Default 100. */
  readonly minimumSamples?: number;
  /** None sooner. Default 5. */
  readonly minimumMs?: number;
  /** Is there another place to start it at? Asked each time. Default: yes. */
  readonly isUseful?: () => boolean;
}

/** Every part has a default that is safe; `false` leaves it out. */
export interface PolicyOptions {
  /** What is protected, in errors and in the state: `order→payment`. */
  readonly name: string;
  /** Longest call, retries included; what is left of the current request's deadline shortens it. Default 5,000. */
  readonly deadlineMs?: number;
  /** Longest attempt while another one could follow. Default: none but the deadline. */
  readonly attemptMs?: number;
  readonly retry?: RetryOptions | false;
  /** Default: half of at least 20 calls in 10 s, or 10 in a row; open for 5 s ± 20 %, 3 trials, a ramp of 10 s. */
  readonly breaker?: (BreakerOptions & { readonly slowMs?: number }) | false;
  /** Default: 256 at a time, 1,024 may wait for a second. */
  readonly bulkhead?: BulkheadOptions | false;
  /** Finds out how many to run at a time, instead of a fixed number. Default: off. */
  readonly adaptive?: AdaptiveLimitOptions | false;
  /** Only calls that are repeatable are hedged. Default: off. */
  readonly hedge?: HedgeOptions | false;
  /** Calls that may be started. Default: any. */
  readonly rate?: RateLimit | false;
  /** What a failed attempt says. Default: `judgePlatformError`. */
  readonly judge?: Judge;
  /** Errors of the caller's own instead of `RESILIENCE_DEADLINE` and `RESILIENCE_CANCELLED`. */
  readonly errors?: {
    readonly deadline: () => Error;
    readonly cancelled: (cause: unknown) => Error;
  };
  readonly timers?: Timers;
  /** Uniform in [0, 1). */
  readonly random?: () => number;
  readonly onBreakerChange?: (state: BreakerState) => void;
  /** A second attempt is scheduled. */
  readonly onRetry?: (error: unknown, attempt: number, delayMs: number) => void;
}

/** One attempt of one call, as its work sees it. */
export interface Attempt {
  /** 1 for the first. */
  readonly number: number;
  /** Started beside an attempt that is still running. */
  readonly isHedge: boolean;
  /** Aborted when this attempt is abandoned. Made at first use: `onCancel` costs less. */
  readonly signal: AbortSignal;
  /** Until the deadline of the call, never below 0. */
  remainingMs(): number;
  /** Called once with the reason when this attempt is abandoned; at once when it has been already. */
  onCancel(cancel: (reason: Error) => void): void;
  /** `'late'`: its time was up; `'unwanted'`: another attempt was quicker, or the caller gave up. */
  readonly cancelled: 'late' | 'unwanted' | undefined;
  /** Says where this attempt goes, for the attempts after it. */
  aim(target: string): void;
  /** Where earlier attempts of this call went, and others that are running. */
  readonly avoid: ReadonlySet<string>;
}

export interface PolicyCall<T> {
  /** May the work be done twice? Default false. */
  readonly repeatable?: boolean;
  /** Overrides the policy's. */
  readonly deadlineMs?: number | undefined;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
  /** What is returned instead of a fault; not for a response that happens to be an error, and not for a cancelled call. */
  readonly fallback?: (error: unknown) => T | Promise<T>;
  /** Calls with the same key at the same time share one result. The first one's deadline counts for the work. */
  readonly key?: string;
}

/** Counted since the start, except what is called a state. */
export interface PolicyState {
  readonly name: string;
  readonly calls: number;
  readonly attempts: number;
  readonly retries: number;
  /** Retries that the budget did not allow. */
  readonly retriesDenied: number;
  readonly hedges: number;
  readonly hedgesWon: number;
  readonly fallbacks: number;
  /** Calls that shared the result of another. */
  readonly coalesced: number;
  readonly deadlines: number;
  /** Calls that were not begun because hardly any has ever been done in the time left. */
  readonly hopeless: number;
  readonly circuitRefusals: number;
  readonly overloads: number;
  /** Results of calls that an earlier state of the breaker had admitted. */
  readonly stale: number;
  /** State: attempts that are running, zombies included. */
  readonly running: number;
  /** State: abandoned attempts that have not ended. */
  readonly zombies: number;
  /** State: attempts that wait for a slot. */
  readonly queued: number;
  /** State: how many may run at a time; 0: no limit. */
  readonly limit: number;
  /** State; `undefined` without a breaker. */
  readonly breaker: BreakerState | undefined;
  /** State: of successful attempts. */
  readonly p50Ms: number;
  readonly p95Ms: number;
}
