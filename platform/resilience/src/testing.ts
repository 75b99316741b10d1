import type { Timers } from './time/timers.ts';

export interface VirtualTimers extends Timers {
  /** Moves time forward and fires what is due on the way, each at its own time, with all that follows from it. */
  advance(ms: number): Promise<void>;
  /** Timers that have neither fired nor been cancelled. */
  readonly pending: number;
}

/** Time that only moves when told to. */
export function createVirtualTimers(startMs: number = 1_000_000): VirtualTimers {
  let nowMs = startMs;
  const timers = new Set<{ readonly dueMs: number; readonly fire: () => void }>();

  /** The first of those that are due earliest. */
  function nextUntil(endMs: number) {
    let next: { readonly dueMs: number; readonly fire: () => void } | undefined;
    for (const timer of timers) {
      if (timer.dueMs <= endMs && (next === undefined || timer.dueMs < next.dueMs)) next = timer;
    }
    return next;
  }

  return {
    get nowMs() {
      return nowMs;
    },
    get pending() {
      return timers.size;
    },
    after: (ms, fire) => {
      const timer = { dueMs: nowMs + Math.max(0, ms), fire };
      timers.add(timer);
      return { cancel: () => timers.delete(timer) };
    },
    advance: async (ms) => {
      const endMs = nowMs + ms;
      await settled();
      for (let next = nextUntil(endMs); next !== undefined; next = nextUntil(endMs)) {
        timers.delete(next);
        nowMs = Math.max(nowMs, next.dueMs);
        next.fire();
        await settled();
      }
      nowMs = endMs;
    },
  };
}

/** After everything that follows without time passing. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
