import type { Clock } from '../time/clock.ts';

export interface ManualClock extends Clock {
  /** Moves time forward and wakes every sleeper whose time has come. */
  advance(ms: number): Promise<void>;
}

/** A clock that only moves when told to. */
export function createManualClock(start: Date = new Date('2026-01-01T00:00:00Z')): ManualClock {
  let nowMs = start.getTime();
  const sleepers = new Set<{ readonly at: number; readonly wake: () => void }>();
  return {
    now: () => new Date(nowMs),
    sleep: (ms, signal) =>
      new Promise<void>((resolve, fail) => {
        const sleeper = { at: nowMs + ms, wake: resolve };
        sleepers.add(sleeper);
        const abandon = () => {
          sleepers.delete(sleeper);
          fail(signal?.reason as Error);
        };
        signal?.addEventListener('abort', abandon, { once: true });
      }),
    advance: async (ms) => {
      nowMs += ms;
      for (const sleeper of sleepers) {
        if (sleeper.at > nowMs) continue;
        sleepers.delete(sleeper);
        sleeper.wake();
      }
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

/**
 * All that a process started by a test needs of the environment: where programs are and where compiled code is kept.
 * What else the test run has set must not reach it.
 */
export function childEnvironment(): Record<string, string> {
  const { PATH = '', NODE_COMPILE_CACHE } = process.env;
  return { PATH, ...(NODE_COMPILE_CACHE !== undefined && { NODE_COMPILE_CACHE }) };
}

/**
 * Waits until `probe` returns something other than `undefined` or `false`, or fails after `timeoutMs`
 * (default 60 s) with the last error the probe threw. Looks every `everyMs` (default 20). Tests wait for conditions with this, never for time.
 */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs: number = 60_000,
  everyMs: number = 20,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const found = await probe();
      if (found !== undefined && found !== false) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
