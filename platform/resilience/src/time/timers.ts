import { createTimerWheel } from './timer-wheel.ts';

/** A deadline that can be cancelled. */
export interface Timer {
  /** Costs the same however many timers there are. Without effect when the timer has fired. */
  cancel(): void;
}

/** Time as every policy reads it. Tests hand in `createVirtualTimers` of `@flotilla/resilience/testing`. */
export interface Timers {
  /** With `keepsAlive` the process does not end before it has fired or was cancelled. Default false. */
  after(ms: number, fire: () => void, keepsAlive?: boolean): Timer;
  /** Monotonic. */
  readonly nowMs: number;
}

const TICK_MS = 10;
/** Ticks without a timer after which the interval ends: an idle process has nothing to wake up for. */
const QUIET_TICKS = 20;

/**
 * Deadlines of all calls of a process at the cost of one interval, which runs only while there are some: one fires up
 * to 10 ms late, never early. `setTimeout` for each call costs half a microsecond and a list for each duration. The
 * interval keeps the process alive only for timers that say so.
 */
export function createSystemTimers(): Timers {
  const wheel = createTimerWheel(TICK_MS, performance.now());
  let interval: NodeJS.Timeout | undefined;
  let added = 0;
  let quietTicks = 0;
  let addedBefore = 0;
  let holding = 0;

  function tick(): void {
    wheel.advance(performance.now());
    quietTicks = added === addedBefore && wheel.isEmpty ? quietTicks + 1 : 0;
    addedBefore = added;
    if (quietTicks < QUIET_TICKS) return;
    clearInterval(interval);
    interval = undefined;
  }

  function add(ms: number, fire: () => void): Timer {
    added += 1;
    if (interval === undefined) {
      quietTicks = 0;
      interval = setInterval(tick, TICK_MS);
      interval.unref();
    }
    return wheel.add(performance.now() + ms, fire);
  }

  function hold(ms: number, fire: () => void): Timer {
    let isHeld = true;
    const release = () => {
      if (!isHeld) return;
      isHeld = false;
      holding -= 1;
      if (holding === 0) interval?.unref();
    };
    const timer = add(ms, () => {
      release();
      fire();
    });
    holding += 1;
    interval?.ref();
    return {
      cancel: () => {
        release();
        timer.cancel();
      },
    };
  }

  return {
    after: (ms, fire, keepsAlive = false) => (keepsAlive ? hold(ms, fire) : add(ms, fire)),
    get nowMs() {
      return performance.now();
    },
  };
}

/** One for the process: policies that share it share its interval. */
export const systemTimers: Timers = createSystemTimers();
