import { createTimerWheel } from '@flotilla/resilience';

/** A deadline that can be called off. */
export interface Timer {
  /** Costs the same however many timers there are. Without effect when the timer has fired. */
  cancel(): void;
}

/**
 * Coarse deadlines for thousands of exchanges at the cost of one interval: a timer fires up to `tickMs` late,
 * never early. `setTimeout` per request costs about a microsecond and keeps its own list for each duration.
 */
export interface Timers {
  after(ms: number, fire: () => void): Timer;
  /** Monotonic, refreshed each tick and on `after`; good enough for idle times. */
  readonly nowMs: number;
  /** Nothing fires any more. */
  close(): void;
}

/** `tickMs`: default 100. The interval does not keep the process alive. */
export function createTimers({ tickMs = 100 }: { readonly tickMs?: number } = {}): Timers {
  if (!(tickMs > 0)) throw new RangeError(`tickMs must be above 0, not ${tickMs}`);
  let nowMs = performance.now();
  const wheel = createTimerWheel(tickMs, nowMs);
  const interval = setInterval(() => {
    nowMs = performance.now();
    wheel.advance(nowMs);
  }, tickMs);
  interval.unref();
  return {
    after: (ms, fire) => {
      nowMs = performance.now();
      return wheel.add(nowMs + ms, fire);
    },
    get nowMs() {
      return nowMs;
    },
    close: () => clearInterval(interval),
  };
}
