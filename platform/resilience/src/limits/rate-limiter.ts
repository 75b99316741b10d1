export interface RateLimit {
  readonly perSecond: number;
  /** This many may come at once after a pause. Default 1. */
  readonly burst?: number;
}

export interface RateLimiter {
  /** 0: admitted and counted; otherwise milliseconds until one would be. */
  admit(owner: string, nowMs: number): number;
  /** Owners that are remembered. */
  readonly size: number;
}

const MAX_OWNERS = 100_000;

/**
 * The generic cell rate algorithm: each owner has one number, the time at which its next request would be due if all came
 * evenly. No windows, hence no edge at which twice the limit passes. Above 100,000 owners those that are not limited at that
 * moment are forgotten first, then the one that has been quiet longest.
 */
export function createRateLimiter({ perSecond, burst = 1 }: RateLimit): RateLimiter {
  if (!(perSecond > 0) || !(burst >= 1))
    throw new RangeError(`perSecond must be above 0 and burst at least 1, not ${perSecond} and ${burst}`);
  const intervalMs = 1_000 / perSecond;
  const toleranceMs = (burst - 1) * intervalMs;
  // In the order of their last request.
  const dueAtMs = new Map<string, number>();

  function forget(nowMs: number): void {
    for (const [owner, atMs] of dueAtMs) {
      if (atMs > nowMs && dueAtMs.size <= MAX_OWNERS) return;
      dueAtMs.delete(owner);
    }
  }

  return {
    get size() {
      return dueAtMs.size;
    },
    admit: (owner, nowMs) => {
      const atMs = Math.max(nowMs, dueAtMs.get(owner) ?? nowMs);
      const waitMs = atMs - toleranceMs - nowMs;
      // Time is a sum of fractions: a millionth of a millisecond early is in time.
      if (waitMs > 1e-6) return waitMs;
      dueAtMs.delete(owner);
      dueAtMs.set(owner, atMs + intervalMs);
      if (dueAtMs.size > MAX_OWNERS) forget(nowMs);
      return 0;
    },
  };
}
