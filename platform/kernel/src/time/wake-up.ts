import type { Clock } from './clock.ts';

/** Lets one loop sleep until it is woken or its time is up; waking it while it works makes it go round again. */
export interface WakeUp {
  wake(): void;
  /** Resolves after `ms` or at the next `wake()`, at once when woken since the last wait; tells whether it was woken. */
  wait(ms: number): Promise<boolean>;
}

export function createWakeUp(clock: Clock): WakeUp {
  let woken = false;
  let resume: (() => void) | undefined;
  return {
    wake: () => {
      woken = true;
      resume?.();
    },
    wait: async (ms) => {
      if (!woken) {
        const timer = new AbortController();
        await new Promise<void>((resolve) => {
          resume = resolve;
          // The sleep ends early only by our own abort, when nobody waits for it any more.
          clock.sleep(ms, timer.signal).then(resolve, () => undefined);
        });
        resume = undefined;
        timer.abort();
      }
      const wasWoken = woken;
      woken = false;
      return wasWoken;
    },
  };
}
