import { setTimeout as delay } from 'node:timers/promises';

/** Time as a parameter, so that rules and retries can be tested without waiting. */
export interface Clock {
  /** Wall-clock time. */
  now(): Date;
  /** Resolves after `ms`, or rejects with the signal's reason. Does not keep the process alive. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => new Date(),
  sleep: (ms, signal) => delay(ms, undefined, { ref: false, ...(signal && { signal }) }),
};
