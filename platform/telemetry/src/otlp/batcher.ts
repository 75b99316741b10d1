import { createDelivery, type DeliveryOptions } from './delivery.ts';
import type { Item } from './encoding.ts';

export interface BatcherOptions extends DeliveryOptions {
  /** Items that wait, at most; the oldest go first. */
  readonly maxQueue: number;
  readonly maxBatch: number;
  /** Longest that an item waits for others. */
  readonly delayMs: number;
}

export interface Batcher {
  push(item: Item): void;
  /** Sends what waits, for 2 s at most, and takes no more. */
  close(): Promise<void>;
}

/** A whole request: receivers answer 413 or 400 to larger ones, and lose all of it. */
const MAX_BATCH_BYTES = 4 * 2 ** 20;
const MAX_QUEUE_BYTES = 16 * 2 ** 20;
const CLOSE_MS = 2_000;

/** Gathers items and sends them in batches, one at a time. It never holds up who pushes, and never grows beyond its bounds. */
export function createBatcher(options: BatcherOptions): Batcher {
  const { count, maxQueue, maxBatch, delayMs } = options;
  const delivery = createDelivery(options);
  const queue: Item[] = [];
  let bytes = 0;
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> | undefined;
  let isClosed = false;

  function take(): Item[] {
    let size = 0;
    let items = 0;
    for (const item of queue) {
      if (items === maxBatch || (items > 0 && size + item.bytes.length > MAX_BATCH_BYTES)) break;
      size += item.bytes.length;
      items += 1;
    }
    bytes -= size;
    return queue.splice(0, items);
  }

  /** What waits now, and whole batches that come meanwhile; what is left waits for others. */
  async function sendWaiting(): Promise<void> {
    let left = queue.length;
    while (queue.length > 0 && (left > 0 || queue.length >= maxBatch)) {
      const items = take();
      left -= items.length;
      await delivery.deliver(items);
    }
  }

  function start(): void {
    clearTimeout(timer);
    timer = undefined;
    sending ??= sendWaiting().finally(() => {
      sending = undefined;
      if (queue.length > 0) schedule();
    });
  }

  function schedule(): void {
    if (queue.length >= maxBatch) start();
    else timer ??= setTimeout(start, delayMs).unref();
  }

  return {
    push: (item) => {
      if (isClosed) return count('queue-full', 1);
      queue.push(item);
      bytes += item.bytes.length;
      while (queue.length > maxQueue || bytes > MAX_QUEUE_BYTES) {
        bytes -= queue.shift()?.bytes.length ?? 0;
        count('queue-full', 1);
        delivery.lost();
      }
      if (sending === undefined) schedule();
    },
    close: async () => {
      if (isClosed) return;
      isClosed = true;
      delivery.hurry();
      const limit = setTimeout(delivery.end, CLOSE_MS);
      await sending;
      clearTimeout(timer);
      while (queue.length > 0) await delivery.deliver(take());
      clearTimeout(limit);
    },
  };
}
