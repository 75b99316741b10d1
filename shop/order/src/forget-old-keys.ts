import type { Clock } from '@flotilla/kernel';
import type { IdempotencyStore } from './idempotency-store.ts';

const HOUR_MS = 3_600_000;

/** Forgets idempotency keys that are older than promised, in batches, once an hour until the signal is aborted. */
export async function forgetOldKeys(
  keys: IdempotencyStore,
  days: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const forgotten = await keys.prune(days);
    // A full batch means there is more.
    if (forgotten === 0) await pause(clock, signal);
  }
}

async function pause(clock: Clock, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(HOUR_MS, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
