import type { Clock } from '@flotilla/kernel';

/** What the work resolves with, or undefined after `ms`; the work goes on then, and must not reject unheard. */
export async function within<T>(work: Promise<T>, ms: number, clock: Clock): Promise<T | undefined> {
  const done = new AbortController();
  const sleep = clock.sleep(ms, done.signal).then(
    () => undefined,
    () => undefined,
  );
  try {
    return await Promise.race([work, sleep]);
  } finally {
    done.abort();
  }
}
