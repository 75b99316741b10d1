/** Something to be done later; it never fires early. */
export interface Alarm {
  cancel(): void;
}

/**
 * Any number of alarms over one timer, which ticks only while there are some: thousands of waiting queries and checks
 * need none of their own.
 */
export interface Alarms {
  after(delayMs: number, ring: () => void): Alarm;
  close(): void;
}

const TICK_MS = 50;

export function createAlarms(nowMs: () => number): Alarms {
  const rings = new Map<number, Set<() => void>>();
  let ticking: NodeJS.Timeout | undefined;
  let lastTick = 0;

  function tick(): void {
    const now = Math.floor(nowMs() / TICK_MS);
    for (; lastTick < now; lastTick += 1) {
      const due = rings.get(lastTick + 1);
      rings.delete(lastTick + 1);
      for (const ring of due ?? []) ring();
    }
    if (rings.size > 0) return;
    clearInterval(ticking);
    ticking = undefined;
  }

  function start(): void {
    lastTick = Math.floor(nowMs() / TICK_MS);
    ticking = setInterval(tick, TICK_MS).unref();
  }

  return {
    after: (delayMs, ring) => {
      if (ticking === undefined) start();
      const at = Math.max(lastTick + 1, Math.ceil((nowMs() + delayMs) / TICK_MS));
      const others = rings.get(at) ?? new Set();
      rings.set(at, others);
      const own = () => ring();
      others.add(own);
      return { cancel: () => others.delete(own) };
    },
    close: () => {
      clearInterval(ticking);
      rings.clear();
    },
  };
}
