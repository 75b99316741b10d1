import { type Clock, toError } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import { type Bounds, headWithin, MAX_BATCH_BYTES } from '../batch-bounds.ts';
import type { Delivery, ReceiveOptions, Settlement } from '../transport.ts';
import { createAcknowledger } from './acknowledger.ts';
import { createHolding } from './holding.ts';

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
  const { source, handle, concurrency, maxBatch, onSettled, clock, logger } = options;
  const holding = createHolding<D>(options.capacity);
  const busyKeys = new Set<string>();
  const running = new Set<Promise<void>>();
  const draining = new AbortController();
  const acknowledger = createAcknowledger<D>({
    ...{ source, clock, logger, closing: draining.signal },
    onAcknowledged: (batch) => {
      holding.letGo(batch);
      settled();
    },
  });

  const settled = () => onSettled(holding.mayFetchAgain());

  const forgetLost = () => holding.giveBackWaiting((delivery) => !source.owns(delivery));

  function dispatch(): void {
    if (draining.signal.aborted) return;
    forgetLost();
    while (running.size < concurrency && holding.waiting().length > 0) {
      const waiting = holding.waiting();
      const size = Math.min(maxBatch, Math.ceil(waiting.length / (concurrency - running.size)));
      const batch = firstOf(waiting, busyKeys, size);
      if (batch.length === 0) return;
      holding.take(batch);
      start(batch);
    }
  }

  function start(batch: readonly D[]): void {
    for (const { key } of batch) busyKeys.add(key);
    const run = work(batch)
      .catch((error: unknown) => {
        logger.error({ err: toError(error) }, 'a batch ended unexpectedly, it is handed out again');
        holding.giveBack(batch);
      })
      .finally(() => {
        running.delete(run);
        for (const { key } of batch) busyKeys.delete(key);
        dispatch();
        settled();
      });
    running.add(run);
  }

  async function work(batch: readonly D[]): Promise<void> {
    const settlements: readonly Settlement[] = await handle(batch);
    const released = batch.filter((_delivery, index) => settlements[index] !== 'done');
    if (released.length > 0) holding.giveBack(released);
    acknowledger.add(batch.filter((_delivery, index) => settlements[index] === 'done'));
  }

  return {
    beginFetch: () => {
      holding.beginFetch();
      return holding.all();
    },
    offer: (deliveries) => {
      if (draining.signal.aborted) return;
      // First: what is lost disturbs its key, and then nothing later of this key may come in.
      forgetLost();
      holding.add(deliveries);
      dispatch();
    },
    forgetLost,
    room: holding.room,
    holdsAny: (test) => holding.all().some(test),
    drain: async () => {
      draining.abort();
      holding.giveBackWaiting(() => true);
      await Promise.all(running);
      await acknowledger.settled();
    },
  };
}

/** The oldest whose keys are in no other batch. */
function firstOf<D extends Delivery>(
  waiting: readonly D[],
  busyKeys: ReadonlySet<string>,
  size: number,
): readonly D[] {
  const free: D[] = [];
  for (const delivery of waiting) {
    if (free.length >= size) break;
    if (!busyKeys.has(delivery.key)) free.push(delivery);
  }
  return headWithin(free, { messages: size, bytes: MAX_BATCH_BYTES });
}
