import type { Clock } from '@flotilla/kernel';

/**
 * Lets a request wait for its order to change. A change made by this process wakes waiters at once; one
 * made by another replica is seen by the next look, at most `pollMs` later.
 */
export interface OrderWatch {
  /** To be called after the commit of a change. */
  changed(orderId: string): void;
  /** Looks until `look` finds something or `untilMs` from now is over; then `undefined`. */
  until<T>(
    orderId: string,
    waitMs: number,
    signal: AbortSignal,
    look: () => Promise<T | undefined>,
  ): Promise<T | undefined>;
}

export function createOrderWatch(clock: Clock, pollMs: number = 250): OrderWatch {
  const waiters = new Map<string, Set<() => void>>();

  function nextChange(orderId: string, ms: number, signal: AbortSignal): Promise<void> {
    const awake = new AbortController();
    const wake = (): void => awake.abort();
    const woken = AbortSignal.any([signal, awake.signal]);
    const of = waiters.get(orderId) ?? new Set();
    waiters.set(orderId, of.add(wake));
    // Being woken early is the normal case, so the sleeper's abort is not an error here.
    return clock.sleep(ms, woken).then(
      () => forget(orderId, wake),
      () => forget(orderId, wake),
    );
  }

  function forget(orderId: string, wake: () => void): void {
    const of = waiters.get(orderId);
    of?.delete(wake);
    if (of?.size === 0) waiters.delete(orderId);
  }

  return {
    changed: (orderId) => {
      for (const wake of waiters.get(orderId) ?? []) wake();
    },
    until: async (orderId, waitMs, signal, look) => {
      const endMs = clock.now().getTime() + waitMs;
      for (;;) {
        // Listen before looking: a change between the two must not be missed.
        const leftMs = endMs - clock.now().getTime();
        const stop = new AbortController();
        const change = nextChange(
          orderId,
          Math.max(0, Math.min(pollMs, leftMs)),
          AbortSignal.any([signal, stop.signal]),
        );
        const found = await look();
        if (found !== undefined || leftMs <= 0 || signal.aborted) {
          stop.abort();
          await change;
          return found;
        }
        await change;
      }
    },
  };
}
