/** Something to be done later; it never fires early. */
export interface Alarm {
  cancel(): void;
}

/**
 * Any number of alarms over one timer, which goes off when the next one rings: thousands of waiting queries and checks need none of their own, and a
 * registry in which nothing is due is not woken up.
 */
export interface Alarms {
  after(delayMs: number, ring: () => void): Alarm;
  close(): void;
}

/** Alarms of one tick ring together. */
const TICK_MS = 50;
/** More than a timer of Node can wait: it goes off, and waits again. */
const LONGEST_MS = 2 ** 31 - 1;

export function createAlarms(nowMs: () => number): Alarms {
  const rings = new Map<number, Set<() => void>>();
  let timer: NodeJS.Timeout | undefined;
  let timerAt = Number.POSITIVE_INFINITY;

  function goOff(): void {
    timerAt = Number.POSITIVE_INFINITY;
    const now = Math.floor(nowMs() / TICK_MS);
    const due = [...rings].filter(([at]) => at <= now).sort(([a], [b]) => a - b);
    for (const [at, others] of due) {
      rings.delete(at);
      for (const ring of others) ring();
    }
    wait();
  }

  function wait(): void {
    let next = Number.POSITIVE_INFINITY;
    for (const at of rings.keys()) next = Math.min(next, at);
    waitUntil(next);
  }

  function waitUntil(at: number): void {
    if (at >= timerAt) return;
    clearTimeout(timer);
    timerAt = at;
    timer = setTimeout(goOff, Math.min(Math.max(at * TICK_MS - nowMs(), 1), LONGEST_MS)).unref();
  }

  return {
    after: (delayMs, ring) => {
      const now = nowMs();
      const at = Math.max(Math.floor(now / TICK_MS) + 1, Math.ceil((now + delayMs) / TICK_MS));
      const others = rings.get(at) ?? new Set();
      rings.set(at, others);
      const own = () => ring();
      others.add(own);
      waitUntil(at);
      return {
        cancel: () => {
          others.delete(own);
          if (others.size === 0 && rings.get(at) === others) rings.delete(at);
        },
      };
    },
    close: () => {
      clearTimeout(timer);
      timerAt = Number.NEGATIVE_INFINITY;
      rings.clear();
    },
  };
}
