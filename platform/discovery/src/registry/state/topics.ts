import type { Alarms } from './alarms.ts';

/**
 * What queries wait for. Each topic has the index of its last change; indexes are common to all topics and only grow, so
 * that a client may compare them.
 */
export interface Topics {
  /** One change that concerns all these topics: they get the next index, and who waits for one of them is woken. */
  changed(topics: Iterable<string>): number;
  /** Of the topic's last change, of the newest when there are several. */
  index(topics: readonly string[]): number;
  /** Of the last change at all. */
  readonly last: number;
  /**
   * Resolves when one of the topics has an index above `seen`, after `waitMs`, or when the signal aborts or all are
   * released.
   */
  wait(topics: readonly string[], seen: number, waitMs: number, signal: AbortSignal): Promise<void>;
  releaseAll(): void;
  readonly isReleased: boolean;
}

/** Topics that are gone are forgotten beyond this many; whoever asks for one then hears of a change that was none. */
const MAX_TOPICS = 100_000;

export function createTopics(firstIndex: number, alarms: Alarms): Topics {
  const indexes = new Map<string, number>();
  const waiting = new Map<string, Set<() => void>>();
  let floor = Math.max(1, firstIndex);
  let last = floor;
  let isReleased = false;

  const indexOf = (topics: readonly string[]) =>
    topics.reduce((index, topic) => Math.max(index, indexes.get(topic) ?? floor), 0);

  function forgetOldest(): void {
    const oldest = indexes.entries().next().value;
    if (oldest === undefined) return;
    indexes.delete(oldest[0]);
    floor = Math.max(floor, oldest[1]);
  }

  return {
    changed: (topics) => {
      last += 1;
      for (const topic of topics) {
        indexes.delete(topic); // to the end of the map: the first are those that changed longest ago
        indexes.set(topic, last);
        for (const wake of waiting.get(topic) ?? []) wake();
      }
      while (indexes.size > MAX_TOPICS) forgetOldest();
      return last;
    },
    index: indexOf,
    get last() {
      return last;
    },
    wait: (topics, seen, waitMs, signal) => {
      if (isReleased || signal.aborted || indexOf(topics) > seen) return Promise.resolve();
      return new Promise((resolve) => {
        const stop = () => {
          alarm.cancel();
          signal.removeEventListener('abort', stop);
          for (const topic of topics) leave(waiting, topic, wake);
          resolve();
        };
        const wake = () => {
          // An index above the current one is held until the wait is over, as Consul does.
          if (isReleased || indexOf(topics) > seen) stop();
        };
        const alarm = alarms.after(waitMs, stop);
        signal.addEventListener('abort', stop, { once: true });
        for (const topic of topics) {
          const others = waiting.get(topic) ?? new Set();
          waiting.set(topic, others.add(wake));
        }
      });
    },
    get isReleased() {
      return isReleased;
    },
    releaseAll: () => {
      isReleased = true;
      for (const wakes of waiting.values()) for (const wake of wakes) wake();
    },
  };
}

function leave(waiting: Map<string, Set<() => void>>, topic: string, wake: () => void): void {
  const others = waiting.get(topic);
  others?.delete(wake);
  if (others?.size === 0) waiting.delete(topic);
}
