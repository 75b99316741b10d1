import { backoffMs, type Clock, crashPoint, pause, toError } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import { type Bounds, headWithin, MAX_BATCH_BYTES } from '../batch-bounds.ts';
import type { Delivery, ReceiveOptions, Settlement } from '../transport.ts';

/** The side of the dispatcher that talks to the queue. */
export interface DeliverySource<D extends Delivery> {
  /** May work on it begin now? */
  owns(delivery: D): boolean;
  /** Makes the queue forget them. */
  ack(deliveries: readonly D[]): Promise<void>;
}

export interface DispatcherOptions<D extends Delivery> extends ReceiveOptions {
  readonly source: DeliverySource<D>;
  /** What is held at once: waiting, running, and handled but not yet acknowledged. */
  readonly capacity: Bounds;
  /** Called whenever there may be room for more. `gaveBack`: something waits in the queue that was held before. */
  readonly onSettled: (gaveBack: boolean) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Decides which deliveries run now: several batches at once, one key in one batch only, in order. */
export interface Dispatcher<D extends Delivery> {
  /** What is held now. Call it right before each fetch: `offer` relies on it to spot what changed meanwhile. */
  beginFetch(): readonly D[];
  offer(deliveries: readonly D[]): void;
  /** Drops waiting deliveries that are no longer ours. */
  forgetLost(): void;
  room(): Bounds;
  holdsAny(test: (delivery: D) => boolean): boolean;
  /** Starts nothing new, waits for what runs, settles it. */
  drain(): Promise<void>;
}

export function createDispatcher<D extends Delivery>(options: DispatcherOptions<D>): Dispatcher<D> {
  const { source, handle, concurrency, maxBatch, capacity, onSettled, clock, logger } = options;
  const held = new Map<string, D>();
  let heldBytes = 0;
  const busyKeys = new Set<string>();
  const draining = new AbortController();
  let waiting: D[] = [];
  const running = new Set<Promise<void>>();
  let handled: D[] = [];
  let acking: Promise<void> | undefined;
  // Keys of which something was given back since the fetch began: what that fetch brings of them may come too early.
  let disturbed = new Set<string>();
  let gaveBack = false;

  function forget(deliveries: Iterable<D>): void {
    for (const delivery of deliveries) {
      letGo(delivery);
      disturbed.add(delivery.key);
      gaveBack = true;
    }
  }

  function hold(delivery: D): void {
    held.set(delivery.id, delivery);
    heldBytes += Buffer.byteLength(delivery.body);
  }

  function letGo(delivery: D): void {
    if (held.delete(delivery.id)) heldBytes -= Buffer.byteLength(delivery.body);
  }

  /** Each is asked about once: whether it is ours may change from one moment to the next, because leases run out. */
  function forgetWaiting(test: (delivery: D) => boolean): void {
    const forgotten = new Set(waiting.filter(test));
    if (forgotten.size === 0) return;
    waiting = waiting.filter((delivery) => !forgotten.has(delivery));
    forget(forgotten);
  }

  const forgetLost = () => forgetWaiting((delivery) => !source.owns(delivery));

  function takeBatch(): readonly D[] {
    const size = Math.min(maxBatch, Math.ceil(waiting.length / (concurrency - running.size)));
    const free: D[] = [];
    for (const delivery of waiting) {
      if (free.length >= size) break;
      if (!busyKeys.has(delivery.key)) free.push(delivery);
    }
    const batch = headWithin(free, { messages: size, bytes: MAX_BATCH_BYTES });
    const taken = new Set(batch);
    if (taken.size > 0) waiting = waiting.filter((delivery) => !taken.has(delivery));
    return batch;
  }

  function dispatch(): void {
    if (draining.signal.aborted) return;
    forgetLost();
    while (running.size < concurrency && waiting.length > 0) {
      const batch = takeBatch();
      if (batch.length === 0) return;
      start(batch);
    }
  }

  function start(batch: readonly D[]): void {
    for (const delivery of batch) busyKeys.add(delivery.key);
    const run = work(batch)
      .catch((error: unknown) => {
        logger.error({ err: toError(error) }, 'a batch ended unexpectedly, it is handed out again');
        giveBack(batch);
      })
      .finally(() => {
        running.delete(run);
        for (const delivery of batch) busyKeys.delete(delivery.key);
        dispatch();
        settled();
      });
    running.add(run);
  }

  async function work(batch: readonly D[]): Promise<void> {
    const settlements: readonly Settlement[] = await handle(batch);
    const released = batch.filter((_delivery, index) => settlements[index] !== 'done');
    handled.push(...batch.filter((_delivery, index) => settlements[index] === 'done'));
    if (released.length > 0) giveBack(released);
    if (handled.length > 0) acking ??= acknowledge();
  }

  function settled(): void {
    const fetchAgain = gaveBack && room().messages > 0;
    if (fetchAgain) gaveBack = false;
    onSettled(fetchAgain);
  }

  const room = () => ({ messages: capacity.messages - held.size, bytes: capacity.bytes - heldBytes });

  /** Whatever waits behind a message that was not handled must be fetched again, behind it. */
  function giveBack(batch: readonly D[]): void {
    const keys = new Set(batch.map((delivery) => delivery.key));
    forgetWaiting((other) => keys.has(other.key));
    forget(batch);
  }

  async function acknowledge(): Promise<void> {
    while (handled.length > 0) {
      const batch = handled;
      handled = [];
      await acknowledgeUntilStored(batch);
      crashPoint('consumer.after-ack');
      for (const delivery of batch) letGo(delivery);
      settled();
    }
    acking = undefined;
  }

  /** Until it is stored, or we stop: then the lease ends, it is handed out again, and the inbox knows it. */
  async function acknowledgeUntilStored(batch: readonly D[]): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await source.ack(batch);
        return;
      } catch (error) {
        logger.warn({ err: toError(error), attempt }, 'handled messages could not be acknowledged');
        if (draining.signal.aborted) return;
        await pause(clock, backoffMs(attempt, 100, 2_000), draining.signal);
      }
    }
  }

  return {
    beginFetch: () => {
      disturbed = new Set();
      return [...held.values()];
    },
    offer: (deliveries) => {
      if (draining.signal.aborted) return;
      // First: what is lost disturbs its key, and then nothing later of this key may come in.
      forgetLost();
      const fresh = deliveries.filter((delivery) => !disturbed.has(delivery.key) && !held.has(delivery.id));
      for (const delivery of fresh) hold(delivery);
      waiting.push(...fresh);
      dispatch();
    },
    forgetLost,
    room,
    holdsAny: (test) => [...held.values()].some(test),
    drain: async () => {
      draining.abort();
      forgetWaiting(() => true);
      await Promise.all(running);
      await acking;
    },
  };
}
