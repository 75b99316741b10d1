export interface RateLimitConfig {
  readonly limit: number;
  readonly period: string;
  readonly periodMs: number;
  /** Penalty after a rejection, `undefined` = until the period ends. */
  readonly waitMs: number | undefined;
  /** As written in the file, `0ms` when there is none: part of a message. */
  readonly wait: string;
  /** Whose budget it is. `header` falls back to the address (strict: 503). */
  readonly key:
    | { readonly kind: 'header'; readonly header: string }
    | { readonly kind: 'address' | 'route' }
    | { readonly kind: 'claim'; readonly claim: string };
  readonly whitelist: ReadonlySet<string>;
  readonly status: number;
  readonly message: string;
  readonly format: 'text' | 'problem';
  readonly headers: boolean;
  /** `shared` = exact over all replicas, in Redis; without it or while it is away the memory of this process counts. */
  readonly store: 'memory' | 'shared';
}

/** What the gateway does when it has more work than it can do. */
export interface OverloadConfig {
  /** Requests in flight in one process; above it the lowest priority goes first. `Infinity` = off. */
  readonly maxInFlight: number;
  /** Delay of the event loop (ms, median of a window) from which on low priorities are shed. `Infinity` = off. */
  readonly maxLoopDelayMs: number;
}

export type LoadPriority = 'critical' | 'normal' | 'low';
