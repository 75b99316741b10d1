import { type Clock, toError } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { Logger } from '@flotilla/telemetry';
import type { Definitions } from './engine-options.ts';
import { deleteEnded } from './saga-commands.ts';
import type { SagaMetrics } from './saga-metrics.ts';
import { countActive } from './saga-queries.ts';
import { type ClaimRequest, claimDue, freePreviousLife, type InstanceRow } from './saga-store.ts';
import { sleepUnless, type WakeUp } from './wake-up.ts';

export interface PollDeps {
  readonly db: Database;
  readonly logger: Logger;
  readonly instanceId: string;
  readonly request: Omit<ClaimRequest, 'limit'>;
  readonly pollMs: number;
  readonly wakeUp: WakeUp;
  readonly free: () => number;
  /** `takenAt`: before the claim was sent. */
  readonly onClaimed: (row: InstanceRow, takenAt: number) => void;
}

/** Claims due instances, first of all those of this process's previous life, until the signal is aborted. */
export async function pollDue(deps: PollDeps, signal: AbortSignal): Promise<void> {
  let recovered = false;
  while (!signal.aborted) {
    let more = false;
    try {
      if (!recovered) await recover(deps);
      recovered = true;
      more = await claim(deps);
    } catch (error) {
      deps.logger.warn({ err: toError(error) }, 'due sagas could not be claimed');
    }
    if (!more) await deps.wakeUp.wait(deps.pollMs);
  }
}

async function recover({ db, instanceId, request, logger }: PollDeps): Promise<void> {
  const freed = await freePreviousLife(db, instanceId, request.owner);
  if (freed > 0) logger.info({ freed }, 'sagas of a previous life of this process are taken up again');
}

/** Whether there may be more to claim, and room for it. */
async function claim({ db, request, free, onClaimed }: PollDeps): Promise<boolean> {
  const limit = free();
  if (limit <= 0) return false;
  const takenAt = performance.now();
  const rows = await claimDue(db, { ...request, limit });
  for (const row of rows) onClaimed(row, takenAt);
  return rows.length === limit && free() > 0;
}

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
export async function keepHouse(deps: HousekeepingDeps, signal: AbortSignal): Promise<void> {
  const { db, clock, definitions, logger, metrics, retentionMs } = deps;
  for (let round = 0; !signal.aborted; round += 1) {
    try {
      metrics.active(await countActive(db, (type, version) => definitions.find(type, version) !== undefined));
      if (round % DELETE_EVERY_COUNTS === 0) await deleteEnded(db, retentionMs);
    } catch (error) {
      logger.warn({ err: toError(error) }, 'sagas could not be counted');
    }
    await sleepUnless(clock, COUNT_EVERY_MS, signal);
  }
}
