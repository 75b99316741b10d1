import { type Clock, crashPoint, toError } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import { backoffMs } from './backoff.ts';
import { pause } from './loop.ts';
import type { Delivery, ReceiveOptions, Settlement } from './transport.ts';

/** The side of the dispatcher that talks to the queue. `false` means: the delivery is no longer ours. */
export interface DeliverySource<D extends Delivery> {
  /** May work on it begin now? */
  owns(delivery: D): boolean;
  /** Records that this delivery alone is in work. */
  isolate(delivery: D): Promise<boolean>;
  ack(deliveries: readonly D[]): Promise<void>;
  retry(delivery: D, delayMs: number, error: string): Promise<boolean>;
  bury(delivery: D, settlement: Settlement & { readonly kind: 'dead-letter' }): Promise<boolean>;
}

export interface DispatcherOptions<D extends Delivery> extends ReceiveOptions {
  readonly source: DeliverySource<D>;
  /** Deliveries held at once: waiting, running, and handled but not yet acknowledged. */
  readonly capacity: number;
  /** Called whenever there may be room for more. `gaveBack`: something waits in the queue that was held before. */
  readonly onSettled: (gaveBack: boolean) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Decides which deliveries run now: several batches at once, one key in one batch only, in order. A delivery that was
 * in work when a process vanished runs alone, so that only the guilty one collects crashes.
 */
export interface Dispatcher<D extends Delivery> {
  /** What is held now. Call it right before each fetch: `offer` relies on it to spot what changed meanwhile. */
  beginFetch(): readonly D[];
  offer(deliveries: readonly D[]): void;
  /** Drops waiting deliveries that are no longer ours. */
  forgetLost(): void;
  room(): number;
  holdsAny(test: (delivery: D) => boolean): boolean;
  /** Starts nothing new, waits for what runs, settles it. */
  drain(): Promise<void>;
}

export function createDispatcher<D extends Delivery>(options: DispatcherOptions<D>): Dispatcher<D> {
  const { source, handle, concurrency, maxBatch, capacity, onSettled, clock, logger } = options;
  const held = new Map<string, D>();
  const busyKeys = new Set<string>();
  const draining = new AbortController();
  let waiting: D[] = [];
  let suspects: D[] = [];
  const running = new Set<Promise<void>>();
  let handled: D[] = [];
  let acking: Promise<void> | undefined;
  // Keys of which something was given back since the fetch began: what that fetch brings of them may come too early.
  let disturbed = new Set<string>();
  let gaveBack = false;

  function forget(deliveries: readonly D[]): void {
    for (const delivery of deliveries) {
      held.delete(delivery.id);
      disturbed.add(delivery.key);
      gaveBack = true;
    }
  }

  function forgetWaiting(test: (delivery: D) => boolean): void {
    forget([...waiting.filter(test), ...suspects.filter(test)]);
    waiting = waiting.filter((delivery) => !test(delivery));
    suspects = suspects.filter((delivery) => !test(delivery));
  }

  function takeBatch(): D[] {
    const size = Math.min(maxBatch, Math.ceil(waiting.length / (concurrency - running.size)));
    const passed = new Set<string>();
    const batch: D[] = [];
    for (const delivery of waiting) {
      if (batch.length >= size) break;
      const alone = delivery.failures > 0;
      if (busyKeys.has(delivery.key) || passed.has(delivery.key) || (alone && batch.length > 0)) {
        passed.add(delivery.key);
        continue;
      }
      batch.push(delivery);
      if (alone) break;
    }
    const taken = new Set(batch);
    if (taken.size > 0) waiting = waiting.filter((delivery) => !taken.has(delivery));
    return batch;
  }

  function dispatch(): void {
    if (draining.signal.aborted) return;
    forgetWaiting((delivery) => !source.owns(delivery));
    if (suspects.length > 0) {
      const suspect = running.size === 0 ? suspects.shift() : undefined;
      if (suspect) start([suspect], () => source.isolate(suspect));
      return;
    }
    while (running.size < concurrency && waiting.length > 0) {
      const batch = takeBatch();
      if (batch.length === 0) return;
      start(batch, async () => true);
    }
  }

  function start(batch: readonly D[], prepare: () => Promise<boolean>): void {
    for (const delivery of batch) busyKeys.add(delivery.key);
    const run = work(batch, prepare)
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

  async function work(batch: readonly D[], prepare: () => Promise<boolean>): Promise<void> {
    if (!(await prepare())) return giveBack(batch);
    const settlements = await handle(batch);
    for (const [index, delivery] of batch.entries()) {
      await settle(delivery, settlements[index] ?? { kind: 'release' });
    }
    if (handled.length > 0) acking ??= acknowledge();
  }

  async function settle(delivery: D, settlement: Settlement): Promise<void> {
    if (settlement.kind === 'ack') {
      handled.push(delivery);
      return;
    }
    if (settlement.kind === 'retry') {
      await persist(() => source.retry(delivery, settlement.delayMs, settlement.error));
    }
    if (settlement.kind === 'dead-letter') await persist(() => source.bury(delivery, settlement));
    giveBack([delivery]);
  }

  function settled(): void {
    const fetchAgain = gaveBack && room() > 0;
    if (fetchAgain) gaveBack = false;
    onSettled(fetchAgain);
  }

  function room(): number {
    return suspects.length > 0 ? 0 : capacity - held.size;
  }

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
      await persist(() => source.ack(batch));
      crashPoint('consumer.after-ack');
      for (const delivery of batch) held.delete(delivery.id);
      settled();
    }
    acking = undefined;
  }

  /** Until it is stored, or known not to be ours, or we stop: then the lease ends and it is handed out again. */
  async function persist(store: () => Promise<unknown>): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await store();
        return;
      } catch (error) {
        logger.warn({ err: toError(error), attempt }, 'a settlement could not be stored');
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
      const fresh = deliveries.filter((delivery) => !disturbed.has(delivery.key) && !held.has(delivery.id));
      const suspected = firstOfEachKey(fresh).filter((delivery) => delivery.crashes > 0);
      // Only what is recorded as in work may be held while a suspect runs: the rest is fetched again afterwards.
      if (suspected.length > 0) forgetWaiting(() => true);
      const admitted = suspected.length > 0 ? suspected : beforeSuspects(fresh);
      for (const delivery of admitted) held.set(delivery.id, delivery);
      (suspected.length > 0 ? suspects : waiting).push(...admitted);
      dispatch();
    },
    forgetLost: () => forgetWaiting((delivery) => !source.owns(delivery)),
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

function firstOfEachKey<D extends Delivery>(deliveries: readonly D[]): D[] {
  const seen = new Set<string>();
  return deliveries.filter(({ key }) => !seen.has(key) && seen.add(key));
}

/** Of each key what comes before its first suspect, which then waits for its turn. */
function beforeSuspects<D extends Delivery>(deliveries: readonly D[]): D[] {
  const ended = new Set<string>();
  return deliveries.filter(({ key, crashes }) => {
    if (crashes > 0) ended.add(key);
    return !ended.has(key);
  });
}
