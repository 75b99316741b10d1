import { type Clock, pause, startLoop } from '@flotilla/kernel';
import type { Logger, Metrics } from '@flotilla/telemetry';
import type { ChannelModel } from 'amqplib';
import type { ReceiveOptions, Receiver } from '../../transport.ts';
import type { BrokerConnection } from '../connection/broker-connection.ts';
import { onOwnChannel } from '../topology/declare.ts';
import { deadLetterQueue } from '../topology/topology.ts';
import { type Arrivals, createArrivals } from './arrivals.ts';
import { createBalance } from './balance.ts';
import { partsOf } from './part.ts';
import { createPartChannels, type PartChannels } from './part-channels.ts';
import { createServiceWatch } from './service-watch.ts';

export interface RabbitmqReceiverOptions {
  readonly connection: BrokerConnection;
  readonly queue: string;
  readonly shards: number;
  /** How often the processes are counted, to share the shards. */
  readonly balanceIntervalMs: number;
  /** Declares the queue and its subscriptions; repeated on every connection and once a minute. */
  readonly declare: (model: ChannelModel) => Promise<void>;
  readonly receive: ReceiveOptions;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

const REPLAY_INTERVAL_MS = 60_000;
/** Who hears nothing for one to two of these opens its channel anew; what the broker does not serve is noticed as late. */
const LISTEN_INTERVAL_MS = 20_000;
/** Without a further loss; then the queues are declared again. */
const SETTLE_MS = 300;
/** Then whatever was not told that its queue was deleted is opened anew. */
const SETTLED_MS = 1_000;

/**
 * One process's part of a queue. What the broker has delivered and we have not acknowledged is kept here in order; the
 * dispatcher runs it. When a channel is lost all that came through it is void: the broker delivers it again, and the
 * inbox knows what was handled already. Every process waits at every shard; the broker makes the first in line active,
 * and who has more than a fair share goes to the end of the line.
 */
export function startRabbitmqReceiver(options: RabbitmqReceiverOptions): Receiver {
  const { connection, queue, shards, receive, clock } = options;
  const logger = options.logger.child({ queue });
  const closing = new AbortController();
  const parts = partsOf(queue, shards);
  const prefetch = prefetchOf(receive, shards);
  const base = { closing: closing.signal, clock, logger };
  const arrivals: Arrivals = createArrivals({
    ...base,
    receive,
    capacity: prefetch * parts.length,
    onSettled: () => channels.closeLeft(),
  });
  const channels: PartChannels = createPartChannels({
    ...base,
    ...{ parts, arrivals, prefetch, model: connection.current },
    onClosed: () => consuming.wake(),
    onLost: () => void declaring.comeBack(),
    onStray: () => void declaring.bindAgain(),
  });
  const declaring = createDeclaring(options, channels, closing.signal, () => consuming.wake());
  const balance = createBalance(shards);
  const serviceWatch = createServiceWatch({ queue, metrics: options.metrics, logger });

  async function keepConsuming(): Promise<boolean> {
    const model = connection.current();
    if (model === undefined) return false;
    await declaring.declare(model);
    await channels.open(model);
    return false;
  }

  async function shareShards(): Promise<boolean> {
    const model = connection.current();
    if (model === undefined) return false;
    // Everybody consumes from it at once, so that its consumers are the processes.
    const { consumerCount } = await onOwnChannel(model, (on) => on.checkQueue(deadLetterQueue(queue)));
    const active = parts.filter((part) => part.state === 'active');
    const surplus = balance.look(consumerCount, active);
    if (surplus.length === 0) return false;
    logger.info({ processes: consumerCount, shards: surplus.length }, 'shards are left to other processes');
    channels.leaveToOthers(surplus);
    return false;
  }

  const every = (name: string, intervalMs: number, run: () => Promise<boolean>) =>
    startLoop({ name: `rabbitmq-${name}`, intervalMs, run, clock, logger });
  const consuming = every('consume', REPLAY_INTERVAL_MS, keepConsuming);
  const loops = [
    consuming,
    every('declare', REPLAY_INTERVAL_MS, async () => {
      if (declaring.isDone()) declaring.repeat();
      return false;
    }),
    every('listen', LISTEN_INTERVAL_MS, async () => {
      const model = connection.current();
      if (model) await serviceWatch.look(model, parts, arrivals.holders());
      channels.openSilentAnew();
      return false;
    }),
    every('share', options.balanceIntervalMs, shareShards),
  ];
  const stopListening = connection.onChange(consuming.wake);

  return {
    close: async () => {
      closing.abort();
      // At once: the loops end with what they ask the broker just now, and nothing new begins meanwhile.
      const drained = arrivals.drain();
      stopListening();
      await Promise.all(loops.map((loop) => loop.stop()));
      await drained;
      await channels.close();
      serviceWatch.end();
    },
  };
}

/** Declares the queue on each connection, and again after something has happened to it. */
function createDeclaring(
  options: RabbitmqReceiverOptions,
  channels: PartChannels,
  closing: AbortSignal,
  onWanted: () => void,
) {
  const { clock } = options;
  let declaredOn: ChannelModel | undefined;
  let losses = 0;
  let settledLosses = 0;
  let isBinding = false;

  function repeat(): void {
    declaredOn = undefined;
    onWanted();
  }

  async function declareAndListen(): Promise<void> {
    channels.beginListening();
    repeat();
    await pause(clock, SETTLED_MS, closing);
    if (!closing.aborted) channels.openSilentAnew();
  }

  return {
    isDone: () => declaredOn !== undefined,
    declare: async (model: ChannelModel) => {
      if (declaredOn !== model) await options.declare(model);
      declaredOn = model;
    },
    repeat,
    /** The queue may be deleted. Whoever did it may not be done: who declares in between makes consumers that hear nothing. */
    comeBack: async () => {
      losses += 1;
      const loss = losses;
      await pause(clock, SETTLE_MS, closing);
      if (loss !== losses || closing.aborted) return;
      settledLosses = losses;
      await declareAndListen();
    },
    /** Something went astray: a queue was declared without its bindings, whose consumers may not know of it. */
    bindAgain: async () => {
      if (isBinding || losses !== settledLosses) return;
      isBinding = true;
      await declareAndListen();
      isBinding = false;
    },
  };
}

const PREFETCH_MIN = 16;
const PREFETCH_MAX = 300;

/** One round in work and one that waits, spread over the shards. */
function prefetchOf({ concurrency, maxBatch }: ReceiveOptions, shards: number): number {
  return Math.min(PREFETCH_MAX, Math.max(PREFETCH_MIN, Math.ceil((2 * concurrency * maxBatch) / shards)));
}
