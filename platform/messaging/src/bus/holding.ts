import type { Bounds } from '../batch-bounds.ts';
import type { Delivery } from '../transport.ts';

/**
 * What a dispatcher holds of its queue:
 *
 *     added → waiting → taken → let go       handled, and the queue has forgotten it
 *                 ↘       ↙
 *                 given back                 the queue hands it out again
 *
 * A key that gave something back takes nothing more from the fetch that is on its way: that would come too early.
 */
export interface Holding<D extends Delivery> {
  all(): readonly D[];
  waiting(): readonly D[];
  room(): Bounds;
  /** Call it right before each fetch: from here on it is noticed what is given back. */
  beginFetch(): void;
  /** Those that a fetch has brought, without what is held already and what would come too early. */
  add(deliveries: readonly D[]): void;
  /** From waiting into work. */
  take(batch: readonly D[]): void;
  letGo(batch: readonly D[]): void;
  /** With everything that waits behind them: it must be fetched again, after them. */
  giveBack(batch: readonly D[]): void;
  giveBackWaiting(test: (delivery: D) => boolean): void;
  /** Was something given back, and is there room to fetch it again? Asked once about each. */
  mayFetchAgain(): boolean;
}

export function createHolding<D extends Delivery>(capacity: Bounds): Holding<D> {
  const held = new Map<string, D>();
  let heldBytes = 0;
  let waiting: readonly D[] = [];
  let disturbed = new Set<string>();
  let gaveBack = false;

  const room = () => ({ messages: capacity.messages - held.size, bytes: capacity.bytes - heldBytes });

  function hold(delivery: D): void {
    held.set(delivery.id, delivery);
    heldBytes += Buffer.byteLength(delivery.body);
  }

  function letGo(batch: Iterable<D>): void {
    for (const delivery of batch) if (held.delete(delivery.id)) heldBytes -= Buffer.byteLength(delivery.body);
  }

  function forget(batch: ReadonlySet<D>): void {
    letGo(batch);
    for (const { key } of batch) disturbed.add(key);
    gaveBack ||= batch.size > 0;
  }

  /** Each is asked about once: whether it is ours may change from one moment to the next, because leases run out. */
  function giveBackWaiting(test: (delivery: D) => boolean): void {
    const forgotten = new Set(waiting.filter(test));
    if (forgotten.size === 0) return;
    waiting = waiting.filter((delivery) => !forgotten.has(delivery));
    forget(forgotten);
  }

  return {
    all: () => [...held.values()],
    waiting: () => waiting,
    room,
    beginFetch: () => {
      disturbed = new Set();
    },
    add: (deliveries) => {
      const fresh = deliveries.filter(({ id, key }) => !disturbed.has(key) && !held.has(id));
      for (const delivery of fresh) hold(delivery);
      waiting = [...waiting, ...fresh];
    },
    take: (batch) => {
      const taken = new Set(batch);
      if (taken.size > 0) waiting = waiting.filter((delivery) => !taken.has(delivery));
    },
    letGo,
    giveBack: (batch) => {
      const keys = new Set(batch.map(({ key }) => key));
      giveBackWaiting(({ key }) => keys.has(key));
      forget(new Set(batch));
    },
    giveBackWaiting,
    mayFetchAgain: () => {
      const may = gaveBack && room().messages > 0;
      if (may) gaveBack = false;
      return may;
    },
  };
}
