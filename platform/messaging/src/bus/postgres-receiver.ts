import { type Clock, type Loop, type Rest, startLoop, toError, uuidv7 } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { Logger } from '@flotilla/telemetry';
import { type Bounds, MAX_BATCH_BYTES } from '../batch-bounds.ts';
import type { ReceiveOptions, Receiver } from '../transport.ts';
import { REST_POLLS } from '../waiting-rows.ts';
import { createBusQueue } from './bus-queue.ts';
import { createDispatcher } from './dispatcher.ts';
import { createLowerBound } from './lower-bound.ts';
import type { Notifier } from './notifier.ts';
import { createShardLeases } from './shard-leases.ts';

export interface PostgresReceiverOptions {
  readonly db: Database;
  readonly notifier: Notifier;
  readonly queue: string;
  /** Declares the queue and its subscriptions again. */
  readonly declare: () => Promise<void>;
  readonly receive: ReceiveOptions;
  readonly pollIntervalMs: number;
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Deliveries one consumer holds at once. */
const CAPACITY: Bounds = { messages: 256, bytes: 4 * MAX_BATCH_BYTES };

/** What it is subscribed to may be missing after a restore, though the queue is there. */
const DECLARE_INTERVAL_MS = 60_000;

/** How often a queue is looked at while no notifications arrive. */
const MAX_DEAF_INTERVAL_MS = 100;

/** One consumer's part of a queue: it leases shards, fetches their heads and lets the dispatcher run them. */
export function startPostgresReceiver(options: PostgresReceiverOptions): Receiver {
  const { db, notifier, queue, receive, pollIntervalMs, leaseMs, clock } = options;
  const logger = options.logger.child({ queue });
  const store = createBusQueue(db, queue, uuidv7());
  const leases = createShardLeases(store, leaseMs, notifier.presence);
  const bounds = createLowerBound(store);
  let moreIsWaiting = false;

  const dispatcher = createDispatcher({
    ...receive,
    capacity: CAPACITY,
    clock,
    logger,
    source: {
      owns: ({ shard, token }) => leases.holds(shard, token),
      ack: store.ack,
    },
    onSettled: (gaveBack) => {
      bounds.worked();
      if (gaveBack) fetcher.wake();
      if (moreIsWaiting && hasRoom()) fetcher.wake();
    },
  });

  async function fetch(): Promise<boolean | Rest> {
    await giveBackSurplus();
    const shards = [...leases.active().keys()];
    const room = dispatcher.room();
    if (shards.length === 0 || room.messages <= 0 || room.bytes <= 0) return false;
    const { deliveries, isFull } = await store.fetch(shards, room, dispatcher.beginFetch());
    moreIsWaiting = isFull;
    dispatcher.offer(deliveries);
    if (deliveries.length === 0) return {};
    return moreIsWaiting && hasRoom();
  }

  function hasRoom(): boolean {
    const { messages, bytes } = dispatcher.room();
    return messages >= CAPACITY.messages / 2 && bytes >= CAPACITY.bytes / 2;
  }

  async function giveBackSurplus(): Promise<void> {
    const idle = leases.surplus().filter((shard) => !dispatcher.holdsAny((held) => held.shard === shard));
    if (idle.length > 0) await leases.release(idle);
  }

  async function keepLeases(): Promise<boolean> {
    const gained = await leases.refresh().catch(async (error: unknown) => {
      // The queue is gone when the bus was restored without it: then nobody else declares it.
      logger.debug({ err: toError(error) }, 'the leases could not be renewed, the queue is declared again');
      await options.declare();
      return await leases.refresh();
    });
    dispatcher.forgetLost();
    if (gained) bounds.worked();
    if (gained || leases.surplus().length > 0) fetcher.wake();
    return false;
  }

  const fetchIntervalMs = () =>
    notifier.works() ? pollIntervalMs : Math.min(pollIntervalMs, MAX_DEAF_INTERVAL_MS);
  const fetcher: Loop = startLoop({
    ...{ name: 'fetch', run: fetch, clock, logger },
    intervalMs: fetchIntervalMs,
    restIntervalMs: () => (notifier.works() ? REST_POLLS * pollIntervalMs : 0),
  });
  const keeper = startLoop({ name: 'leases', run: keepLeases, intervalMs: leases.intervalMs, clock, logger });
  const declarer = startLoop({
    ...{ name: 'declare', clock, logger, intervalMs: DECLARE_INTERVAL_MS },
    run: () => options.declare().then(() => false),
  });
  const raiser = startLoop({
    ...{ name: 'lower-bound', clock, logger, intervalMs: leaseMs / 3 },
    run: () => bounds.raise().then(() => false),
  });
  const stopListening = notifier.listen(queue, fetcher.wake);
  // A claim made before could not show it: until the next one, nobody would notice our end at once.
  const stopWatching = notifier.onPresence(keeper.wake);

  return {
    close: async () => {
      // At once: the loops end with what they ask the bus just now, and nothing new begins meanwhile.
      const drained = dispatcher.drain();
      stopListening();
      stopWatching();
      await Promise.all([declarer.stop(), raiser.stop(), fetcher.stop()]);
      await drained;
      await keeper.stop();
      await leases.leave().catch((error: unknown) => {
        logger.debug({ err: toError(error) }, 'the leases could not be given back, they end by time');
      });
    },
  };
}
