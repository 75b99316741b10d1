import { type Clock, type Loop, type Rest, startLoop, systemClock, toError, uuidv7 } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { Logger, Metrics } from '@flotilla/telemetry';
import { createLowerBound } from '../bus/lower-bound.ts';
import { createNotifier, type Notifier } from '../bus/notifier.ts';
import { createShardLeases } from '../bus/shard-leases.ts';
import type { Transport } from '../transport.ts';
import { createWaitingRows, REST_POLLS } from '../waiting-rows.ts';
import { watchCleanupHolder } from './cleanup-holder.ts';
import { createDelayedMover } from './delayed-mover.ts';
import type { Published } from './outbox.ts';
import { OUTBOX_CHANNEL, type OutboxHint } from './outbox-hints.ts';
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
  /** How often the outbox is looked at without a hint. Default 500 ms; up to ten times as long while there is nothing and hints arrive. */
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
  /** There may be something to send: call it after a commit. Cheap and coalesced; a relay that has the shard of it is told. */
  nudge(published?: Published): void;
  /** Finishes the running batch and gives its shards to the other relays. */
  close(): Promise<void>;
}

const MESSAGES: OutboxHint = 'messages';
const DELAYED: OutboxHint = 'delayed';

export function createRelay(options: RelayOptions): Relay {
  const { db, transport, logger, clock = systemClock, pollIntervalMs = 500 } = options;
  const { batchSize = 500, leaseMs = 6_000, maxAttempts = 10 } = options;
  const owner = uuidv7();
  const store = createOutboxStore(db, owner, batchSize);
  const leases = createShardLeases(store, leaseMs, () => notifier?.presence() ?? null);
  const bounds = createLowerBound(store);
  const waiting = createWaitingRows();
  const measures = relayMetrics(options.metrics);
  const lookForHolder = watchCleanupHolder({ db, clock, logger, metrics: options.metrics });
  let loops: Loop[] = [];
  let pump: Loop | undefined;
  let mover: Loop | undefined;
  let notifier: Notifier | undefined;
  const relay = createRelayPump({
    ...{ store, leases, transport },
    settleRefusal: (row, reason) =>
      settleRefusal({ store, maxAttempts, logger }, row, reason).finally(waiting.added),
    onPublished: (messages) => measures.published.inc({}, messages),
  });

  async function sendWaiting(): Promise<boolean | Rest> {
    const outcome = await relay();
    if (typeof outcome === 'boolean') bounds.worked();
    return outcome;
  }

  async function keepLeases(): Promise<boolean> {
    const gained = await leases.refresh();
    if (gained) {
      waiting.added();
      bounds.worked();
    }
    if (gained || leases.surplus().length > 0) pump?.wake();
    return false;
  }

  async function measure(): Promise<boolean> {
    measures.observe(await waiting.count(store.statistics, ({ held }) => held));
    // What another relay was refused becomes due, whether that one is still there or not.
    if (waiting.mayBeSome()) pump?.wake();
    await lookForHolder();
    return false;
  }

  /** What waits for its moment has no hint. */
  const pumpRestMs = () => (waiting.mayBeSome() ? 0 : moverRestMs());
  const moverRestMs = () => (notifier?.works() === true ? REST_POLLS * pollIntervalMs : 0);

  return {
    start: () => {
      if (loops.length > 0) return;
      const base = { clock, logger };
      const polled = { ...base, intervalMs: pollIntervalMs };
      pump = startLoop({ ...polled, name: 'relay', run: sendWaiting, restIntervalMs: pumpRestMs });
      mover = startLoop({
        ...polled,
        name: 'relay-delayed',
        run: createDelayedMover(store, () => pump?.wake()),
        restIntervalMs: moverRestMs,
      });
      notifier = createNotifier(db, { channel: OUTBOX_CHANNEL, owner, ...base });
      notifier.listen(MESSAGES, pump.wake);
      notifier.listen(DELAYED, mover.wake);
      const renewal = { ...base, name: 'relay-leases', intervalMs: leases.intervalMs };
      const keeper = startLoop({ ...renewal, run: keepLeases });
      // The claim made before it could not show it: until the next one, nobody would notice our end at once.
      notifier.onPresence(keeper.wake);
      const meter = startLoop({ ...base, name: 'relay-metrics', run: measure, intervalMs: 5_000 });
      const raiser = startLoop({
        ...{ ...base, name: 'relay-lower-bound', intervalMs: leaseMs / 3 },
        run: () => bounds.raise().then(() => false),
      });
      loops = [pump, mover, keeper, meter, raiser];
    },
    nudge: (published) => {
      if (published?.isDelayed === true) return mover?.wake();
      pump?.wake();
      if (published !== undefined && !leases.active().has(published.shard)) notifier?.notify([MESSAGES]);
    },
    close: async () => {
      if (loops.length === 0) return;
      await Promise.all(loops.map((loop) => loop.stop()));
      loops = [];
      await leases.leave().catch((error: unknown) => {
        logger.debug({ err: toError(error) }, 'the leases could not be given back, they end by time');
      });
      await notifier?.close();
    },
  };
}
