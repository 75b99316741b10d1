import {
  type Clock,
  crashPoint,
  type Loop,
  pause,
  startLoop,
  systemClock,
  toError,
  uuidv7,
} from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { Logger, Metrics } from '@flotilla/telemetry';
import { createLowerBound } from '../bus/lower-bound.ts';
import { holdPresence, NO_PRESENCE, presenceKey } from '../bus/presence.ts';
import { createShardLeases } from '../bus/shard-leases.ts';
import { keepConnection, type StandingConnection } from '../bus/standing-connection.ts';
import type { Transport } from '../transport.ts';
import { watchCleanupHolder } from './cleanup-holder.ts';
import { createOutboxStore } from './outbox-store.ts';
import { relayMetrics } from './relay-metrics.ts';
import { createRelayPump } from './relay-pump.ts';
import { settleRefusal } from './settle-refusal.ts';

export interface RelayOptions {
  readonly db: Database;
  readonly transport: Transport;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock?: Clock;
  /** How often the outbox is looked at without a nudge. Default 500 ms. */
  readonly pollIntervalMs?: number;
  /** Messages published in one go at most, about; 4 MiB of them. Default 500. */
  readonly batchSize?: number;
  /** After this long without a sign of life others take over; at once when the process has ended. Default 6,000 ms. */
  readonly leaseMs?: number;
  /** Refusals of one message before it is parked. Default 10, over about 4 minutes. */
  readonly maxAttempts?: number;
}

/**
 * Sends what was committed to the outbox. At least once; per key in order; any number of relays share the work.
 * A transport that is down delays everything and loses nothing; a refused message delays its key only.
 */
export interface Relay {
  start(): void;
  /** There may be something to send: call it after a commit. Cheap and coalesced. */
  nudge(): void;
  /** Finishes the running batch and gives its shards to the other relays. */
  close(): Promise<void>;
}

export function createRelay(options: RelayOptions): Relay {
  const { db, transport, logger, clock = systemClock, pollIntervalMs = 500 } = options;
  const { batchSize = 500, leaseMs = 6_000, maxAttempts = 10 } = options;
  const owner = uuidv7();
  const key = presenceKey(owner);
  const store = createOutboxStore(db, owner, batchSize);
  const leases = createShardLeases(store, leaseMs, () => (isShown && connection?.isOpen() ? key : null));
  const raiseLowerBound = createLowerBound(store);
  const measures = relayMetrics(options.metrics);
  const lookForHolder = watchCleanupHolder({ db, clock, logger, metrics: options.metrics });
  let loops: Loop[] = [];
  let pump: Loop | undefined;
  let mover: Loop | undefined;
  const closing = new AbortController();
  let connection: StandingConnection | undefined;
  let isShown = false;
  const relay = createRelayPump({
    ...{ store, leases, transport },
    settleRefusal: (row, reason) => settleRefusal({ store, maxAttempts, logger }, row, reason),
    onPublished: (messages) => measures.published.inc({}, messages),
  });

  async function moveDue(): Promise<boolean> {
    crashPoint('relay.before-delayed-move');
    const { moved, nextInMs } = await store.moveDue();
    crashPoint('relay.after-delayed-move');
    if (moved > 0) pump?.wake();
    if (nextInMs !== null && nextInMs < pollIntervalMs) wakeMoverIn(Math.max(nextInMs, 1));
    return moved > 0;
  }

  function wakeMoverIn(delayMs: number): void {
    void pause(clock, delayMs, closing.signal).then(() => mover?.wake());
  }

  async function keepLeases(): Promise<boolean> {
    const gained = await leases.refresh();
    if (gained || leases.surplus().length > 0) pump?.wake();
    return false;
  }

  async function measure(): Promise<boolean> {
    measures.observe(await store.statistics());
    await lookForHolder();
    return false;
  }

  return {
    start: () => {
      if (loops.length > 0) return;
      const base = { clock, logger };
      pump = startLoop({ ...base, name: 'relay', run: relay, intervalMs: pollIntervalMs });
      mover = startLoop({ ...base, name: 'relay-delayed', run: moveDue, intervalMs: pollIntervalMs });
      connection = keepConnection({
        ...base,
        name: 'relay-presence',
        db,
        setUp: async (opened) => {
          isShown = await holdPresence(opened, key);
          if (!isShown) logger.warn({}, NO_PRESENCE);
        },
        // The claim made before it could not show it: until the next one, nobody would notice our end at once.
        run: async () => {
          keeper.wake();
          return false;
        },
      });
      const renewal = { ...base, name: 'relay-leases', intervalMs: leases.intervalMs };
      const keeper = startLoop({ ...renewal, run: keepLeases });
      const meter = startLoop({ ...base, name: 'relay-metrics', run: measure, intervalMs: 5_000 });
      const bounds = startLoop({
        ...{ ...base, name: 'relay-lower-bound', intervalMs: leaseMs / 3 },
        run: () => raiseLowerBound().then(() => false),
      });
      loops = [pump, mover, keeper, meter, bounds];
    },
    nudge: () => pump?.wake(),
    close: async () => {
      closing.abort();
      if (loops.length === 0) return;
      await Promise.all(loops.map((loop) => loop.stop()));
      loops = [];
      await leases.leave().catch((error: unknown) => {
        logger.debug({ err: toError(error) }, 'the leases could not be given back, they end by time');
      });
      await connection?.close();
    },
  };
}
