import { type Clock, startLoop } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import type { StockStore } from '../stock-store.ts';

export interface ExpireReservationsDeps {
  readonly stock: StockStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly intervalMs: number;
}

const BATCH = 100;

/** Frees overdue reservations every `intervalMs` until the signal is aborted. Any number of instances may run it. */
export async function expireReservations(deps: ExpireReservationsDeps, signal: AbortSignal): Promise<void> {
  const run = () => expireBatch(deps);
  await startLoop({ ...deps, name: 'expire-reservations', run, signal }).ended;
}

/** Resolves with whether there may be more. */
async function expireBatch({ stock, logger }: ExpireReservationsDeps): Promise<boolean> {
  const expired = await stock.expireDue(BATCH);
  if (expired > 0) logger.info({ reservations: expired }, 'reservations expired');
  return expired === BATCH;
}
