import { PlatformError } from '@flotilla/kernel';

/** A few places where passwords are hashed, and a short queue for them. */
export interface HashSlots {
  /**
   * Runs `work` when a place is free. Throws `IDENTITY_BUSY` (retryable) at once when the queue is full, and
   * the signal's reason when the caller has gone while it waited.
   */
  run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

export interface HashSlotsOptions {
  /** Hashes at a time. Default 2: each takes a core for some 40 ms and 19 MiB. */
  readonly concurrent?: number;
  /** Waiting callers at most. Default 256: some five seconds. */
  readonly queued?: number;
}

/** Logins cost a core each; without a bound they would be the cheapest way to stop the whole machine. */
export function createHashSlots({ concurrent = 2, queued = 256 }: HashSlotsOptions = {}): HashSlots {
  const waiting: (() => void)[] = [];
  let running = 0;

  async function enter(): Promise<void> {
    if (running < concurrent) {
      running += 1;
      return;
    }
    if (waiting.length >= queued)
      throw new PlatformError('IDENTITY_BUSY', 'too many passwords wait to be hashed', { retryable: true });
    await new Promise<void>((resolve) => waiting.push(resolve));
  }

  function leave(): void {
    const next = waiting.shift();
    // The place is handed over, so `running` stays.
    if (next) next();
    else running -= 1;
  }

  return {
    run: async (work, signal) => {
      await enter();
      try {
        signal.throwIfAborted();
        return await work();
      } finally {
        leave();
      }
    },
  };
}
