import { type Clock, systemClock } from '@flotilla/kernel';
import { silentLogger } from '@flotilla/telemetry';
import { createDispatcher, type Dispatcher } from './dispatcher.ts';
import type { DeadLetter, Delivery, Transport } from './transport.ts';

interface Entry extends Delivery {
  failures: number;
  error?: string;
}

interface Queue {
  readonly types: Set<string>;
  entries: Entry[];
  readonly heldKeys: Map<string, number>;
  readonly dead: DeadLetter[];
  readonly receivers: Set<() => void>;
  /** Which receiver works on a key. */
  readonly taken: Map<string, Dispatcher<Entry>>;
}

/** A transport inside one process, for unit tests: the guarantees of the real ones, without durability. */
export function createMemoryTransport(options: { readonly clock?: Clock } = {}): Transport {
  const { clock = systemClock } = options;
  const queues = new Map<string, Queue>();
  let lastId = 0;

  function queueOf(name: string): Queue {
    let queue = queues.get(name);
    if (queue === undefined) {
      queue = {
        types: new Set(),
        entries: [],
        heldKeys: new Map(),
        dead: [],
        receivers: new Set(),
        taken: new Map(),
      };
      queues.set(name, queue);
    }
    return queue;
  }

  function hint(queue: Queue): void {
    for (const wake of queue.receivers) wake();
  }

  function remove(queue: Queue, gone: readonly Entry[]): void {
    const ids = new Set(gone.map((entry) => entry.id));
    queue.entries = queue.entries.filter((entry) => !ids.has(entry.id));
  }

  function ready(queue: Queue, dispatcher: Dispatcher<Entry>): Entry[] {
    const held = new Set(dispatcher.beginFetch().map((entry) => entry.id));
    const now = clock.now().getTime();
    return queue.entries
      .filter((entry) => {
        const owner = queue.taken.get(entry.key);
        const isFree = owner === undefined || owner === dispatcher;
        return isFree && !held.has(entry.id) && (queue.heldKeys.get(entry.key) ?? 0) <= now;
      })
      .slice(0, Math.max(0, dispatcher.room()));
  }

  return {
    subscribe: async (name, types) => {
      for (const type of types) queueOf(name).types.add(type);
    },
    publish: async (messages) => {
      for (const { type, key, body } of messages) {
        for (const queue of queues.values()) {
          if (!queue.types.has(type)) continue;
          lastId += 1;
          const enqueuedAt = clock.now();
          queue.entries.push({ id: String(lastId), type, key, body, enqueuedAt, failures: 0, crashes: 0 });
        }
      }
      for (const queue of queues.values()) hint(queue);
      return [];
    },
    receive: (name, receive) => {
      const queue = queueOf(name);
      const dispatcher: Dispatcher<Entry> = createDispatcher<Entry>({
        ...receive,
        capacity: 256,
        clock,
        logger: silentLogger,
        onSettled: () => {
          for (const [key, owner] of queue.taken) {
            if (owner === dispatcher && !dispatcher.holdsAny((held) => held.key === key))
              queue.taken.delete(key);
          }
          hint(queue);
        },
        source: {
          owns: () => true,
          isolate: async () => true,
          ack: async (entries) => remove(queue, entries),
          retry: async (entry, delayMs, error) => {
            entry.failures += 1;
            entry.error = error;
            queue.heldKeys.set(entry.key, clock.now().getTime() + delayMs);
            void clock.sleep(delayMs).then(() => hint(queue));
            return true;
          },
          bury: async (entry, { reason, error, countsAsFailure }) => {
            remove(queue, [entry]);
            const { id, type, key, body, crashes } = entry;
            const last = error ?? entry.error;
            const failures = entry.failures + (countsAsFailure ? 1 : 0);
            const letter = { id, type, key, body, reason, failures, crashes, deadAt: clock.now() };
            queue.dead.unshift({ ...letter, ...(last !== undefined && { error: last }) });
            return true;
          },
        },
      });
      const wake = () => {
        const entries = ready(queue, dispatcher);
        for (const entry of entries) queue.taken.set(entry.key, dispatcher);
        dispatcher.offer(entries);
      };
      queue.receivers.add(wake);
      queueMicrotask(wake);
      return {
        close: async () => {
          queue.receivers.delete(wake);
          await dispatcher.drain();
          for (const [key, owner] of queue.taken) if (owner === dispatcher) queue.taken.delete(key);
          hint(queue);
        },
      };
    },
    deadLetters: async (name, limit) => queueOf(name).dead.slice(0, limit),
    ping: async () => undefined,
    close: async () => undefined,
  };
}
