/** Time as a parameter, so that rules and retries can be tested without waiting. */
export interface Clock {
  /** Wall-clock time. */
  now(): Date;
  /** Resolves after `ms`, or rejects with the signal's reason. Does not keep the process alive. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => new Date(),
  sleep: (ms, signal) =>
    // Not from node:timers/promises: an abort is the normal end of most sleeps, and the error it makes costs
    // more than all the rest.
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const stop = (): void => {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', stop);
        resolve();
      }, ms);
      timer.unref();
      signal?.addEventListener('abort', stop, { once: true });
    }),
};
