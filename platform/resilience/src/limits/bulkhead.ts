import type { Timer, Timers } from '../time/timers.ts';

export interface BulkheadOptions {
  /** At a time; a function is asked each time. */
  readonly maxConcurrent: number | (() => number);
  /** May wait. Default 0. */
  readonly maxQueued?: number;
  /** Longest wait. Default 1,000. */
  readonly maxWaitMs?: number;
}

/** What waits for a slot. */
export interface Waiter {
  /** The slot is its own now, until it calls `leave`. */
  granted(): void;
  /** It took too long. */
  giveUp(): void;
}

export interface Bulkhead {
  /** Slots that are taken, those of zombies included. */
  readonly running: number;
  /** Abandoned work that has not ended. */
  readonly zombies: number;
  readonly queued: number;
  /** A slot now, a place in the queue, or nothing. Only a queued waiter is called back. */
  enter(waiter: Waiter): 'entered' | 'queued' | 'refused';
  /** A queued waiter gives up. */
  withdraw(waiter: Waiter): void;
  /** This work is abandoned; its slot stays taken until `leave`. */
  abandon(): void;
  /** The work has really ended. */
  leave(wasAbandoned: boolean): void;
}

/** A queue that has not been empty for so long is a backlog: the newest is served first, since the others are too late already. */
const BACKLOG_MS = 100;

/** Takes the time that a waiter may wait from its own deadline, too: see `withdraw`. */
export function createBulkhead(options: BulkheadOptions, timers: Timers): Bulkhead {
  const { maxConcurrent, maxQueued = 0, maxWaitMs = 1_000 } = options;
  const limit = typeof maxConcurrent === 'function' ? maxConcurrent : () => maxConcurrent;
  const queue = new Map<Waiter, Timer>();
  // In the order of arrival, including some that have given up.
  let order: Waiter[] = [];
  let first = 0;
  let running = 0;
  let zombies = 0;
  let busySinceMs = Number.POSITIVE_INFINITY;

  function next(): Waiter | undefined {
    const isBacklog = timers.nowMs - busySinceMs > BACKLOG_MS;
    while (first < order.length) {
      const waiter = isBacklog ? order.pop() : order[first++];
      if (waiter !== undefined && queue.has(waiter)) return waiter;
    }
    return undefined;
  }

  function remove(waiter: Waiter): boolean {
    const timer = queue.get(waiter);
    timer?.cancel();
    queue.delete(waiter);
    if (queue.size === 0) {
      busySinceMs = Number.POSITIVE_INFINITY;
      order = [];
      first = 0;
    }
    return timer !== undefined;
  }

  function fill(): void {
    while (queue.size > 0 && running < limit()) {
      const waiter = next();
      if (waiter === undefined) return;
      remove(waiter);
      running += 1;
      waiter.granted();
    }
  }

  return {
    get running() {
      return running;
    },
    get zombies() {
      return zombies;
    },
    get queued() {
      return queue.size;
    },
    enter: (waiter) => {
      if (queue.size === 0 && running < limit()) {
        running += 1;
        return 'entered';
      }
      if (queue.size >= maxQueued) return 'refused';
      if (queue.size === 0) busySinceMs = timers.nowMs;
      const expire = () => {
        if (remove(waiter)) waiter.giveUp();
      };
      queue.set(waiter, timers.after(maxWaitMs, expire));
      order.push(waiter);
      return 'queued';
    },
    withdraw: remove,
    abandon: () => {
      zombies += 1;
    },
    leave: (wasAbandoned) => {
      running -= 1;
      if (wasAbandoned) zombies -= 1;
      if (queue.size > 0) fill();
    },
  };
}
