export interface AdaptiveLimitOptions {
  /** Default 64. */
  readonly initial?: number;
  /** It never falls below. Default 8. */
  readonly min?: number;
  /** Default 1,000. */
  readonly max?: number;
  /** Up to this many times the usual latency still counts as usual. Default 1.5. */
  readonly tolerance?: number;
}

/** How much work to do at a time, found out from its latency. */
export interface AdaptiveLimit {
  readonly limit: number;
  /**
   * One piece of work has ended. `inFlight` counts it, too. `'dropped'`: it was refused for overload or ran into its deadline.
   * What says nothing about the load (a refusal of other kinds, a cancelled call) is not reported at all.
   */
  record(latencyMs: number, inFlight: number, outcome: 'answered' | 'dropped', nowMs: number): void;
}

/** A decision takes this much time and this many calls. */
const WINDOW_MS = 200;
const WINDOW_CALLS = 10;
/** How much of a new limit is adopted at once. A single slow window may mean nothing; growth is slow by itself. */
const SMOOTHING = { down: 0.2, up: 0.5 };
const DROP_FACTOR = 0.9;
/** The usual latency is an average over about so many windows. */
const LONG_WINDOWS = 100;
/** Until then there is nothing else to go by. */
const FIRST_WINDOWS = 10;
/** While it is busy the usual latency rises by so little a window that it doubles in five minutes: calls may have become dearer. */
const CREEP = 1.0005;
/** A usual latency that is so many times too high belongs to trouble that is over. */
const OUTLIVED = 2;
const FORGETTING = 0.95;

/**
 * A gradient: the usual latency against the latest one. While calls take as long as usual the limit grows by its square
 * root, when they take longer it shrinks in proportion. Averages, not minima, so that a few that are quick (a cache, a
 * refusal) change nothing; and while less than half of the limit is used nothing is learnt, hence no drift.
 */
export function createAdaptiveLimit(options: AdaptiveLimitOptions = {}): AdaptiveLimit {
  const { initial = 64, min = 8, max = 1_000, tolerance = 1.5 } = options;
  if (!(min >= 1 && min <= initial && initial <= max))
    throw new RangeError(`1 ≤ min ≤ initial ≤ max, not ${min}, ${initial}, ${max}`);
  let limit = initial;
  let usualMs = 0;
  let windows = 0;
  let window = emptyWindow(0);

  /** What calls take under load says nothing about what they take; a lasting overload would become what is usual. */
  function learnUsual(latestMs: number, isBusy: boolean): void {
    if (isBusy && windows > FIRST_WINDOWS && latestMs > usualMs) usualMs *= CREEP;
    else usualMs += (latestMs - usualMs) / Math.min(windows, LONG_WINDOWS);
  }

  function decide(): void {
    const latestMs = window.sumMs / window.calls;
    windows += 1;
    const isBusy = window.mostInFlight >= limit / 2;
    learnUsual(latestMs, isBusy);
    if (!isBusy) return;
    if (window.drops > 0) {
      limit = Math.max(min, limit * DROP_FACTOR);
      return;
    }
    if (usualMs > OUTLIVED * latestMs) usualMs *= FORGETTING;
    const gradient = Math.max(0.5, Math.min(1, (tolerance * usualMs) / Math.max(latestMs, 1e-3)));
    const wanted = limit * gradient + Math.sqrt(limit);
    limit = Math.max(
      min,
      Math.min(max, limit + (wanted - limit) * (wanted < limit ? SMOOTHING.down : SMOOTHING.up)),
    );
  }

  return {
    get limit() {
      return Math.floor(limit);
    },
    record: (latencyMs, inFlight, outcome, nowMs) => {
      window.mostInFlight = Math.max(window.mostInFlight, inFlight);
      window.calls += 1;
      window.sumMs += latencyMs;
      if (outcome === 'dropped') window.drops += 1;
      if (nowMs < window.endsAtMs || window.calls < WINDOW_CALLS) return;
      decide();
      window = emptyWindow(nowMs);
    },
  };
}

function emptyWindow(nowMs: number) {
  return { endsAtMs: nowMs + WINDOW_MS, calls: 0, sumMs: 0, drops: 0, mostInFlight: 0 };
}
