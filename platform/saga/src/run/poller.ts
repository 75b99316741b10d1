import { type Clock, type FairPlaces, type Loop, pause, type Rest, startLoop } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { Logger } from '@flotilla/telemetry';
import type { InstanceRow } from '../store/instances.ts';
import { type ClaimRequest, claimDue, freePreviousLife, nextDueInMs } from '../store/leases.ts';
import type { StepPlaces } from './step-places.ts';

/** Finds due instances. Looking is the truth; everything else only makes it look earlier, or later while nothing falls due. */
export interface Poller {
  /** Claims first what this process's previous life left behind, then whatever is due. */
  start(): void;
  /** Resolves once the running claim has ended. */
  stop(): Promise<void>;
  nudge(): void;
  /** A nudge in `ms`, unless it polls by then anyway. */
  nudgeIn(ms: number, signal: AbortSignal): void;
  /** Room for one more: worth a look only when there was none before. */
  onFree(): void;
}

export interface PollerDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly instanceId: string;
  readonly request: Omit<ClaimRequest, 'limit' | 'rooms' | 'stepRooms'>;
  readonly pollMs: number;
  readonly places: Pick<FairPlaces, 'free' | 'rooms'>;
  readonly stepPlaces: Pick<StepPlaces, 'rooms'>;
  /** `takenAt`: before the claim was sent. */
  readonly onClaimed: (row: InstanceRow, takenAt: number) => void;
}

/** How much longer the pause becomes at most while nothing falls due: engines that have no room leave instances to others. */
const REST_POLLS = 4;

export function createPoller(deps: PollerDeps): Poller {
  const { db, clock, logger, instanceId, request, pollMs, places, stepPlaces, onClaimed } = deps;
  const restMs = REST_POLLS * pollMs;
  let loop: Loop | undefined;
  let behind = false;
  let recovered = false;

  async function recover(): Promise<void> {
    const freed = await freePreviousLife(db, instanceId, request.owner);
    if (freed > 0) logger.info({ freed }, 'sagas of a previous life of this process are taken up again');
    recovered = true;
  }

  /** `true`: there may be more that there is room for. */
  async function claim(): Promise<boolean | Rest> {
    const limit = places.free();
    behind = true;
    if (limit <= 0) return false;
    const takenAt = performance.now();
    const rooms = places.rooms();
    const stepRooms = stepPlaces.rooms();
    const rows = await claimDue(db, { ...request, limit, rooms, stepRooms });
    // What is left may be waiting for the share of its key or for a place at its step, too.
    behind = rows.length > 0 || [...rooms.places, ...stepRooms.places].some((room) => room <= 0);
    for (const row of rows) onClaimed(row, takenAt);
    if (!behind) return { dueInMs: await nextDueInMs(db, restMs) };
    return rows.length > 0 && rows.length < limit;
  }

  async function look(): Promise<boolean | Rest> {
    if (!recovered) await recover();
    return await claim();
  }

  const nudge = () => loop?.wake();
  return {
    start: () => {
      loop = startLoop({
        ...{ name: 'saga-claims', run: look, clock, logger },
        ...{ intervalMs: pollMs, restIntervalMs: restMs },
      });
    },
    stop: async () => await loop?.stop(),
    nudge,
    nudgeIn: (ms, signal) => {
      if (ms < restMs) void pause(clock, ms, signal).then(nudge);
    },
    onFree: () => {
      if (behind) nudge();
    },
  };
}
