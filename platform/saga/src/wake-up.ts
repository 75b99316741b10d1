import type { Clock } from '@flotilla/kernel';

/** A waiter that can be woken early. A notification that comes while nobody waits is kept. */
export interface WakeUp {
  notify(): void;
  /** Resolves after `ms`, or as soon as it is notified. */
  wait(ms: number): Promise<void>;
}

export function createWakeUp(clock: Clock): WakeUp {
  let notified = false;
  let wake: (() => void) | undefined;
  return {
    notify: () => {
      notified = true;
      wake?.();
    },
    wait: async (ms) => {
      if (!notified) {
        const woken = new AbortController();
        wake = () => woken.abort();
        await sleepUnless(clock, ms, woken.signal);
        wake = undefined;
      }
      notified = false;
    },
  };
}

/** Sleeps for `ms` or until the signal is aborted, whichever comes first. */
export async function sleepUnless(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  try {
    await clock.sleep(ms, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
