import { type Clock, toError } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import type { CheckoutStore } from './checkout-store.ts';

export interface UpkeepOptions {
  readonly checkouts: Pick<CheckoutStore, 'forget'>;
  readonly clock: Pick<Clock, 'sleep'>;
  readonly logger: Logger;
  /** How long a repeated checkout is recognised. */
  readonly days: number;
}

const HOUR_MS = 3_600_000;

/** Forgets old checkouts, once an hour until the signal is aborted. */
export async function runUpkeep(options: UpkeepOptions, signal: AbortSignal): Promise<void> {
  const { checkouts, clock, logger, days } = options;
  while (!signal.aborted) {
    await checkouts.forget(days).catch((thrown: unknown) => {
      logger.warn({ err: toError(thrown) }, 'old checkouts could not be deleted, trying again later');
    });
    // The sleep ends early only by the signal, and then so does the loop.
    await clock.sleep(HOUR_MS, signal).catch(() => undefined);
  }
}
