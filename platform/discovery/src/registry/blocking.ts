import { accept, type Result, reject } from '@flotilla/kernel';
import { parseGoDuration } from './go-duration.ts';

/** Requests that wait for an index to be passed. */
export interface Waiters {
  /** Resolves when `isDone` holds after a change, after `waitMs`, or when `signal` aborts or all are released. */
  wait(isDone: () => boolean, waitMs: number, signal: AbortSignal): Promise<void>;
  changed(): void;
  releaseAll(): void;
}

export interface BlockingParameters {
  readonly index: number;
  readonly waitMs: number;
}

const DEFAULT_WAIT_MS = 300_000;
const MAX_WAIT_MS = 600_000;

/** The rejection is Consul's text for status 400. */
export function parseBlocking(query: URLSearchParams): Result<BlockingParameters, string> {
  const index = query.get('index') || '0';
  if (!/^\d{1,20}$/.test(index)) return reject('Invalid index');
  const wait = query.get('wait') || `${DEFAULT_WAIT_MS}ms`;
  const waitMs = parseGoDuration(wait);
  if (waitMs === undefined) return reject('Invalid wait time');
  return accept({ index: Number(index), waitMs: Math.min(MAX_WAIT_MS, waitMs || DEFAULT_WAIT_MS) });
}

export function createWaiters(random: () => number): Waiters {
  const waiting = new Set<{ readonly isDone: () => boolean; readonly wake: () => void }>();
  let released = false;
  return {
    wait: (isDone, waitMs, signal) => {
      if (released || isDone() || signal.aborted) return Promise.resolve();
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = () => {
        waiting.delete(waiter);
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const waiter = { isDone, wake };
      // Up to a sixteenth longer, as Consul does, so that a thousand watchers do not come back at once.
      const timer = setTimeout(wake, waitMs * (1 + random() / 16));
      signal.addEventListener('abort', wake, { once: true });
      waiting.add(waiter);
      return promise;
    },
    changed: () => {
      for (const waiter of waiting) if (waiter.isDone()) waiter.wake();
    },
    releaseAll: () => {
      released = true;
      for (const waiter of waiting) waiter.wake();
    },
  };
}
