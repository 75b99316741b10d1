import { type Clock, toError } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { Logger } from '@flotilla/telemetry';
import type { Definitions } from './engine-options.ts';
import { deleteSettled } from './operation-store.ts';
import { deleteEnded } from './saga-commands.ts';
import type { SagaMetrics } from './saga-metrics.ts';
import { countActive } from './saga-queries.ts';
import { sleepUnless } from './wake-up.ts';

export interface HousekeepingDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: SagaMetrics;
  readonly definitions: Definitions;
  readonly retentionMs: number;
}

const COUNT_EVERY_MS = 5_000;
const DELETE_EVERY_COUNTS = 120;

/** Counts what is active for the metrics, and deletes what ended long ago, until the signal is aborted. */
export async function keepHouse(deps: HousekeepingDeps, signal: AbortSignal): Promise<void> {
  const { db, clock, definitions, logger, metrics, retentionMs } = deps;
  for (let round = 0; !signal.aborted; round += 1) {
    try {
      metrics.active(await countActive(db, (type, version) => definitions.find(type, version) !== undefined));
      if (round % DELETE_EVERY_COUNTS === 0) {
        await deleteEnded(db, retentionMs);
        await deleteSettled(db, retentionMs);
      }
    } catch (error) {
      logger.warn({ err: toError(error) }, 'sagas could not be counted');
    }
    await sleepUnless(clock, COUNT_EVERY_MS, signal);
  }
}
