import { type Clock, crashPoint, pause, startLoop } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import type { ChannelModel } from 'amqplib';
import { createDispatcher } from '../dispatcher.ts';
import type { Delivery, ReceiveOptions, Receiver } from '../transport.ts';
import type { BrokerConnection } from './broker-connection.ts';
import { type BrokerDelivery, type Consumption, openConsumption } from './consumption.ts';
import { createSurvivors } from './survivors.ts';

export interface RabbitmqReceiverOptions {
  readonly connection: BrokerConnection;
  readonly queue: string;
  readonly shards: number;
  /** Declares the queue and its subscriptions; repeated on every connection and once a minute. */
  readonly declare: (model: ChannelModel) => Promise<void>;
  readonly receive: ReceiveOptions;
  readonly clock: Clock;
  readonly logger: Logger;
}

const REPLAY_INTERVAL_MS = 60_000;
/** What was released rests this long before it is offered again. */
const RELEASE_PAUSE_MS = 100;

/**
 * One consumer's part of a queue. What the broker has delivered and we have not acknowledged is kept here in order; the
 * dispatcher runs it. When the channel is lost all of it is void: the broker delivers it again, and the inbox knows
 * what was handled already.
 */
export function startRabbitmqReceiver(options: RabbitmqReceiverOptions): Receiver {
  const { connection, queue, shards, receive, clock } = options;
  const logger = options.logger.child({ queue });
  const closing = new AbortController();
  const unacknowledged = new Map<string, BrokerDelivery>();
  const resting = new Set<string>();
  const survivors = createSurvivors();
  const prefetch = prefetchOf(receive, shards);
  let live: Consumption | undefined;
  let offering = false;

  const dispatcher = createDispatcher<BrokerDelivery>({
    ...receive,
    handle,
    capacity: prefetch * (shards + 1),
    clock,
    logger,
    source: { owns: ({ consumption }) => consumption === live, ack },
    onSettled: (gaveBack) => {
      if (gaveBack) offerSoon();
    },
  });

  async function handle(deliveries: readonly Delivery[]) {
    const settlements = await receive.handle(deliveries);
    const released = deliveries.filter((_delivery, index) => settlements[index] !== 'done');
    if (released.length > 0) void rest(new Set(released.map(({ key }) => key)));
    return settlements;
  }

  async function rest(keys: ReadonlySet<string>): Promise<void> {
    for (const key of keys) resting.add(key);
    await pause(clock, RELEASE_PAUSE_MS, closing.signal);
    for (const key of keys) resting.delete(key);
    offerSoon();
  }

  async function ack(deliveries: readonly BrokerDelivery[]): Promise<void> {
    crashPoint('rabbitmq.before-ack');
    for (const { consumption, message, id } of deliveries) {
      if (consumption === live) consumption.acknowledge(message);
      unacknowledged.delete(id);
    }
    crashPoint('rabbitmq.after-ack');
  }

  /** Once for all that arrive in one go. */
  function offerSoon(): void {
    if (offering) return;
    offering = true;
    setImmediate(() => {
      offering = false;
      const held = new Set(dispatcher.beginFetch());
      const waiting = [...unacknowledged.values()].filter(
        (delivery) => !held.has(delivery) && !resting.has(delivery.key),
      );
      dispatcher.offer(waiting.slice(0, Math.max(0, dispatcher.room())));
    });
  }

  function opened(consumption: Consumption): void {
    live = consumption;
  }

  function lost(consumption: Consumption): void {
    if (live !== consumption) return;
    live = undefined;
    survivors.remember(unacknowledged.values());
    unacknowledged.clear();
    dispatcher.forgetLost();
    if (closing.signal.aborted) return;
    logger.warn({}, 'the channel to the queue is lost, what was not acknowledged comes again');
    loop.wake();
  }

  async function keepConsuming(): Promise<boolean> {
    const model = connection.current();
    if (model === undefined) return false;
    await options.declare(model);
    if (!live) await openConsumption(model, { queue, shards, prefetch, logger, opened, arrived, lost });
    return false;
  }

  function arrived(delivery: Omit<BrokerDelivery, 'suspect'>): void {
    if (delivery.consumption !== live) return;
    const suspect = delivery.givenUp === undefined && survivors.isSuspect(delivery);
    unacknowledged.set(delivery.id, { ...delivery, suspect });
    offerSoon();
  }

  const loop = startLoop({
    name: 'rabbitmq-consume',
    run: keepConsuming,
    intervalMs: REPLAY_INTERVAL_MS,
    clock,
    logger,
  });
  const stopListening = connection.onChange(loop.wake);

  return {
    close: async () => {
      closing.abort();
      stopListening();
      await loop.stop();
      await dispatcher.drain();
      // Not `basic.cancel`: the broker would activate the next consumer at once, which then runs ahead of what we
      // still hold. Closing the channel gives everything back first, in order.
      await live?.close(clock);
    },
  };
}

const PREFETCH_MIN = 16;
const PREFETCH_MAX = 300;

/** One round in work and one that waits, spread over the shards. */
function prefetchOf({ concurrency, maxBatch }: ReceiveOptions, shards: number): number {
  return Math.min(PREFETCH_MAX, Math.max(PREFETCH_MIN, Math.ceil((2 * concurrency * maxBatch) / shards)));
}
