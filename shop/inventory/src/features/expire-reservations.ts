import type { Clock } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import type { StockStore } from '../stock-store.ts';

export interface ExpireReservationsDeps {
  readonly stock: StockStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly intervalMs: number;
}

const BATCH = 100;

/** Frees overdue reservations every `intervalMs`; rejects with the signal's reason when it is aborted. Any number of instances may run it. */
export async function expireReservations(
  { stock, clock, logger, intervalMs }: ExpireReservationsDeps,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    try {
      const expired = await stock.expireDue(BATCH);
      if (expired > 0) logger.info({ reservations: expired }, 'reservations expired');
      if (expired === BATCH) continue;
    } catch (err) {
      logger.warn({ err }, 'could not expire reservations; trying again'); // the database may be restarting
    }
    await clock.sleep(intervalMs, signal);
  }
}
