import type { RateLimitConfig } from './config/gateway-config.ts';

export interface Admission {
  readonly admitted: boolean;
  /** How many more this period; 0 when rejected. */
  readonly remaining: number;
  readonly resetAtMs: number;
  /** Until a request would be admitted again, for a rejection. */
  readonly retryAfterMs: number;
}

export interface RateLimiter {
  /** Counts one request of `key`; checking and counting are one step. */
  admit(key: string, nowMs: number): Admission;
}

interface Window {
  count: number;
  endsAtMs: number;
  /** A penalty runs until then. */
  blockedUntilMs: number;
}

const MAX_KEYS = 100_000;

/**
 * Fixed windows that begin with the first request counted. Memory is bounded: above 100,000 keys the one that
 * was seen first is forgotten, which can only ever give a client more.
 */
export function createRateLimiter({ limit, periodMs, waitMs }: RateLimitConfig): RateLimiter {
  const windows = new Map<string, Window>();

  function current(key: string, nowMs: number): Window {
    const known = windows.get(key);
    const blocked = known !== undefined && known.blockedUntilMs > nowMs;
    const penaltyServed = known !== undefined && known.blockedUntilMs > 0 && !blocked;
    if (known !== undefined && (blocked || (known.endsAtMs > nowMs && !penaltyServed))) return known;
    windows.delete(key);
    const fresh = { count: 0, endsAtMs: nowMs + periodMs, blockedUntilMs: 0 };
    windows.set(key, fresh);
    if (windows.size > MAX_KEYS) {
      const oldest = windows.keys().next();
      if (!oldest.done) windows.delete(oldest.value);
    }
    return fresh;
  }

  return {
    admit: (key, nowMs) => {
      const window = current(key, nowMs);
      if (window.blockedUntilMs <= nowMs && window.count < limit) {
        window.count += 1;
        return {
          admitted: true,
          remaining: limit - window.count,
          resetAtMs: window.endsAtMs,
          retryAfterMs: 0,
        };
      }
      if (waitMs !== undefined && window.blockedUntilMs <= nowMs) window.blockedUntilMs = nowMs + waitMs;
      const againAtMs = waitMs === undefined ? window.endsAtMs : window.blockedUntilMs;
      return { admitted: false, remaining: 0, resetAtMs: againAtMs, retryAfterMs: againAtMs - nowMs };
    },
  };
}
