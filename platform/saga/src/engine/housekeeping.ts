import { type Clock, type Loop, startLoop } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { Logger } from '@flotilla/telemetry';
import { deleteEnded } from '../operate/commands.ts';
import { countActive } from '../operate/queries.ts';
import type { Definitions } from '../run/engine-options.ts';
import type { SagaMetrics } from '../run/saga-metrics.ts';
import { deleteSettled } from '../store/operations.ts';

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

/** Counts what is active for the metrics, and deletes what ended long ago. */
export function keepHouse(deps: HousekeepingDeps): Loop {
  const { db, clock, definitions, logger, metrics, retentionMs } = deps;
  let rounds = 0;
  const run = async (): Promise<boolean> => {
    metrics.active(await countActive(db, (type, version) => definitions.find(type, version) !== undefined));
    if (rounds % DELETE_EVERY_COUNTS === 0) {
      await deleteEnded(db, retentionMs);
      await deleteSettled(db, retentionMs);
    }
    rounds += 1;
    return false;
  };
  return startLoop({ name: 'saga-housekeeping', run, intervalMs: COUNT_EVERY_MS, clock, logger });
}
