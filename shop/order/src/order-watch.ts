import type { Clock } from '@flotilla/kernel';

/**
 * Lets requests wait for what becomes of orders. A change in this process wakes its waiters at once; one in another replica is seen by the
 * next look, at most `pollMs` later.
 */
export interface OrderWatch {
  /** To be called after the commit that changed an order. */
  changed(orderId: string): void;
  /** Looks until `look` finds something, `waitMs` are over or the signal is aborted; `undefined` then. */
  until<T>(
    orderId: string,
    waitMs: number,
    signal: AbortSignal,
    look: () => Promise<T | undefined>,
  ): Promise<T | undefined>;
}

export function createOrderWatch(clock: Clock, pollMs: number = 250): OrderWatch {
  const waiters = new Map<string, Set<() => void>>();
  let ticking = false;

  /** One timer for all waiters: a timer each would cost more than the waiting itself. */
  async function tick(): Promise<void> {
    ticking = true;
    while (waiters.size > 0) {
      await clock.sleep(pollMs);
      for (const orderId of waiters.keys()) wake(orderId);
    }
    ticking = false;
  }

  function wake(orderId: string): void {
    const woken = waiters.get(orderId) ?? [];
    waiters.delete(orderId);
    for (const resume of woken) resume();
  }

  function nextChange(orderId: string): { readonly happened: Promise<void>; readonly forget: () => void } {
    const of = waiters.get(orderId) ?? new Set();
    waiters.set(orderId, of);
    let resume = (): void => undefined;
    const happened = new Promise<void>((resolve) => {
      resume = resolve;
    });
    of.add(resume);
    if (!ticking) void tick();
    const forget = (): void => {
      of.delete(resume);
      if (of.size === 0 && waiters.get(orderId) === of) waiters.delete(orderId);
    };
    return { happened, forget };
  }

  return {
    changed: wake,
    until: async (orderId, waitMs, signal, look) => {
      const endMs = clock.now().getTime() + waitMs;
      for (;;) {
        // Listen before looking: a change between the two must not be missed.
        const change = nextChange(orderId);
        let found: Awaited<ReturnType<typeof look>>;
        let leave = true;
        try {
          found = await look();
          leave = found !== undefined || signal.aborted || clock.now().getTime() >= endMs;
        } finally {
          if (leave) change.forget();
        }
        if (leave) return found;
        await change.happened;
      }
    },
  };
}
