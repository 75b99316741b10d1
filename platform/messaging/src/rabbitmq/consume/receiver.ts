import { type Clock, crashPoint, pause, startLoop } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import type { ChannelModel } from 'amqplib';
import { createDispatcher } from '../../bus/dispatcher.ts';
import type { Delivery, ReceiveOptions, Receiver } from '../../transport.ts';
import type { BrokerConnection } from '../connection/broker-connection.ts';
import { onOwnChannel } from '../topology/declare.ts';
import { deadLetterQueue } from '../topology/topology.ts';
import { isStray } from '../wire.ts';
import { createBalance } from './balance.ts';
import { type BrokerDelivery, type Consumption, openConsumption } from './consumption.ts';
import { type Part, partsOf } from './part.ts';

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
}

interface PartDelivery extends BrokerDelivery {
  readonly part: Part;
}

const REPLAY_INTERVAL_MS = 60_000;
/** Who hears nothing for one to two of these opens its channel anew. */
const LISTEN_INTERVAL_MS = 20_000;
/** Without a further loss; then the queues are declared again. */
const SETTLE_MS = 300;
/** Then whatever was not told that its queue was deleted is opened anew. */
const SETTLED_MS = 1_000;
/** What was released rests this long before it is offered again. */
const RELEASE_PAUSE_MS = 100;

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
  const unacknowledged = new Map<string, PartDelivery>();
  const resting = new Set<string>();
  const parts = partsOf(queue, shards);
  const balance = createBalance(shards);
  const prefetch = prefetchOf(receive, shards);
  let offering = false;
  let declaredOn: ChannelModel | undefined;
  let losses = 0;
  let settledLosses = 0;
  let isBinding = false;

  const isLive = ({ part, consumption }: PartDelivery) => part.live === consumption;
  const mayStart = ({ part }: PartDelivery) => part.state !== 'leaving' && part.state !== 'closing';

  const dispatcher = createDispatcher<PartDelivery>({
    ...receive,
    handle,
    // What the broker has sent is here already: only it could hold back by bytes, and quorum queues do not.
    capacity: { messages: prefetch * parts.length, bytes: Number.POSITIVE_INFINITY },
    clock,
    logger,
    source: { owns: (delivery) => isLive(delivery) && mayStart(delivery), ack },
    onSettled: (gaveBack) => {
      closeLeft();
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

  async function ack(deliveries: readonly PartDelivery[]): Promise<void> {
    crashPoint('rabbitmq.before-ack');
    for (const delivery of deliveries) {
      if (isLive(delivery)) delivery.consumption.acknowledge(delivery.message);
      unacknowledged.delete(delivery.id);
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
        (delivery) => !held.has(delivery) && !resting.has(delivery.key) && mayStart(delivery),
      );
      dispatcher.offer(waiting.slice(0, Math.max(0, dispatcher.room().messages)));
    });
  }

  function opened(part: Part, consumption: Consumption): void {
    part.live = consumption;
    part.state = 'waiting';
  }

  function lost(part: Part, consumption: Consumption): void {
    if (part.live !== consumption) return;
    const isOnPurpose = closing.signal.aborted || part.state === 'closing';
    part.live = undefined;
    part.state = 'waiting';
    const gone = [...unacknowledged.values()].filter((delivery) => delivery.consumption === consumption);
    if (gone.length > 0) part.survivors.remember(gone);
    for (const { id } of gone) unacknowledged.delete(id);
    dispatcher.forgetLost();
    if (isOnPurpose) {
      if (!closing.signal.aborted) loop.wake();
      return;
    }
    const facts = { source: part.source };
    logger.warn(facts, 'the channel to the queue is lost, what was not acknowledged comes again');
    void comeBack();
  }

  /** The queue may be deleted. Whoever did it may not be done: who declares in between makes consumers that hear nothing. */
  async function comeBack(): Promise<void> {
    losses += 1;
    const loss = losses;
    await pause(clock, SETTLE_MS, closing.signal);
    if (loss !== losses || closing.signal.aborted) return;
    settledLosses = losses;
    await declareAndListen();
  }

  /** Something went astray: a queue was declared without its bindings, whose consumers may not know of it. */
  async function bindAgain(): Promise<void> {
    if (isBinding || losses !== settledLosses) return;
    isBinding = true;
    await declareAndListen();
    isBinding = false;
  }

  async function declareAndListen(): Promise<void> {
    for (const part of parts) part.wasHeard = false;
    declareAgain();
    await pause(clock, SETTLED_MS, closing.signal);
    if (!closing.signal.aborted) openSilentAnew();
  }

  function declareAgain(): void {
    declaredOn = undefined;
    loop.wake();
  }

  /**
   * When a queue is deleted and declared again in one go, the broker often cancels nothing: it lists the consumer with the
   * new queue, gives it messages and sends none. So who has heard nothing since the last look asks anew; what the
   * broker had given comes then, in order. To one that only had nothing to hear it makes no difference.
   */
  function openSilentAnew(): void {
    const holding = new Set([...unacknowledged.values()].map(({ part }) => part));
    for (const part of parts) {
      const isSilent = !part.wasHeard && !holding.has(part);
      part.wasHeard = false;
      if (!isSilent || part.live === undefined || part.state === 'leaving') continue;
      if (part.isDead) void replace(part, part.live);
      else {
        part.state = 'closing';
        void part.live.close(clock);
      }
    }
  }

  function open(model: ChannelModel, part: Part): Promise<void> {
    return openConsumption(model, {
      ...{ source: part.source, isDead: part.isDead, prefetch, logger },
      opened: (consumption) => opened(part, consumption),
      arrived: (delivery) => arrived(part, delivery),
      lost: (consumption) => lost(part, consumption),
    });
  }

  /** The new one first, where several may consume: whoever counts the processes always finds this one. */
  async function replace(part: Part, former: Consumption): Promise<void> {
    const model = connection.current();
    if (model === undefined) return;
    // One that the broker refuses is closed by it, and opened again like any that is lost.
    await open(model, part).catch((err: unknown) => logger.debug({ err }, 'the queue cannot be consumed'));
    await former.close(clock);
  }

  async function keepConsuming(): Promise<boolean> {
    const model = connection.current();
    if (model === undefined) return false;
    if (declaredOn !== model) await options.declare(model);
    declaredOn = model;
    for (const part of parts) {
      if (part.live) continue;
      await open(model, part);
    }
    return false;
  }

  function arrived(part: Part, delivery: Omit<BrokerDelivery, 'suspect'>): void {
    if (delivery.consumption !== part.live) return;
    part.wasHeard = true;
    if (part.isDead && isStray(delivery.message)) void bindAgain();
    if (part.state === 'waiting' && !part.isDead) part.state = 'active';
    const suspect = delivery.givenUp === undefined && part.survivors.isSuspect(delivery);
    unacknowledged.set(delivery.id, { ...delivery, suspect, part });
    offerSoon();
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
    for (const part of surplus) part.state = 'leaving';
    dispatcher.forgetLost();
    closeLeft();
    return false;
  }

  function closeLeft(): void {
    for (const part of parts) {
      if (part.state !== 'leaving' || dispatcher.holdsAny((held) => held.part === part)) continue;
      part.state = 'closing';
      void part.live?.close(clock);
    }
  }

  const base = { clock, logger };
  const loop = startLoop({
    ...base,
    name: 'rabbitmq-consume',
    run: keepConsuming,
    intervalMs: REPLAY_INTERVAL_MS,
  });
  const declaring = startLoop({
    ...base,
    name: 'rabbitmq-declare',
    run: async () => {
      if (declaredOn !== undefined) declareAgain();
      return false;
    },
    intervalMs: REPLAY_INTERVAL_MS,
  });
  const listening = startLoop({
    ...base,
    name: 'rabbitmq-listen',
    run: async () => {
      openSilentAnew();
      return false;
    },
    intervalMs: LISTEN_INTERVAL_MS,
  });
  const { balanceIntervalMs: intervalMs } = options;
  const sharing = startLoop({ ...base, name: 'rabbitmq-share', run: shareShards, intervalMs });
  const stopListening = connection.onChange(loop.wake);

  return {
    close: async () => {
      closing.abort();
      stopListening();
      await Promise.all([loop, declaring, listening, sharing].map((each) => each.stop()));
      await dispatcher.drain();
      // Not `basic.cancel`: the broker would activate the next consumer at once, which then runs ahead of what we
      // still hold. Closing the channel gives everything back first, in order.
      await Promise.all(parts.map((part) => part.live?.close(clock)));
    },
  };
}

const PREFETCH_MIN = 16;
const PREFETCH_MAX = 300;

/** One round in work and one that waits, spread over the shards. */
function prefetchOf({ concurrency, maxBatch }: ReceiveOptions, shards: number): number {
  return Math.min(PREFETCH_MAX, Math.max(PREFETCH_MIN, Math.ceil((2 * concurrency * maxBatch) / shards)));
}
