import type { Timer, Timers } from './timers.ts';

/** One deadline that is moved often and seldom met: moving it later costs an assignment. */
export interface Deadline {
  /** From now on; replaces what was set before. */
  set(ms: number): void;
  clear(): void;
  /** For good. */
  stop(): void;
}

export function createDeadline(timers: Timers, expired: () => void): Deadline {
  let dueMs = Number.POSITIVE_INFINITY;
  let timer: Timer | undefined;
  let timerDueMs = Number.POSITIVE_INFINITY;
  function arm(ms: number): void {
    timerDueMs = timers.nowMs + ms;
    timer = timers.after(ms, fire);
  }
  function fire(): void {
    timer = undefined;
    if (dueMs === Number.POSITIVE_INFINITY) return;
    const leftMs = dueMs - timers.nowMs;
    if (leftMs > 0) {
      arm(leftMs);
      return;
    }
    dueMs = Number.POSITIVE_INFINITY;
    expired();
  }
  return {
    set: (ms) => {
      dueMs = timers.nowMs + ms;
      if (timer !== undefined && timerDueMs <= dueMs) return; // it looks again when it fires
      timer?.cancel();
      arm(ms);
    },
    clear: () => {
      dueMs = Number.POSITIVE_INFINITY;
    },
    stop: () => {
      dueMs = Number.POSITIVE_INFINITY;
      timer?.cancel();
      timer = undefined;
    },
  };
}
