import { type Clock, systemClock } from '@flotilla/kernel';
import { silentLogger } from '@flotilla/telemetry';
import { createDispatcher, type Dispatcher } from '../bus/dispatcher.ts';
import type {
  Delivery,
  Notice,
  OutgoingMessage,
  ReceiveOptions,
  Receiver,
  Refusal,
  Transport,
  WatchOptions,
} from '../transport.ts';

interface Queue {
  readonly types: Set<string>;
  entries: Delivery[];
  readonly receivers: Set<() => void>;
  /** Which receiver works on a key. */
  readonly taken: Map<string, Dispatcher<Delivery>>;
}

const CAPACITY = 256;

/** A transport inside one process, for unit tests: the guarantees of the real ones, without durability. */
export function createMemoryTransport(options: { readonly clock?: Clock } = {}): Transport {
  const { clock = systemClock } = options;
  const queues = new Map<string, Queue>();
  const watches = new Set<WatchOptions>();
  const published: Notice[] = [];
  let lastId = 0;

  function queueOf(name: string): Queue {
    let queue = queues.get(name);
    if (queue === undefined) {
      queue = { types: new Set(), entries: [], receivers: new Set(), taken: new Map() };
      queues.set(name, queue);
    }
    return queue;
  }

  /** `false` when nobody subscribes to its type. */
  function route({ type, key, body }: OutgoingMessage): boolean {
    const notice = { id: crypto.randomUUID(), type, key, body, enqueuedAt: clock.now() };
    published.push(notice);
    for (const watch of watches) if (watch.types.includes(type)) watch.onNotice(notice);
    const subscribed = [...queues.values()].filter((queue) => queue.types.has(type));
    for (const queue of subscribed) {
      lastId += 1;
      const enqueuedAt = clock.now();
      queue.entries.push({ id: String(lastId), type, key, body, enqueuedAt, suspect: false });
    }
    return subscribed.length > 0;
  }

  return {
    subscribe: async (name, types) => {
      for (const type of types) queueOf(name).types.add(type);
    },
    publish: async (messages) => {
      const stopped = new Set<string>();
      const refusals: Refusal[] = [];
      for (const message of messages) {
        const { id, key, type, mandatory } = message;
        if (stopped.has(key)) refusals.push({ id, reason: 'an earlier message of its key was refused' });
        else if (!route(message) && mandatory) {
          refusals.push({ id, reason: `nobody subscribes to ${type}` });
          stopped.add(key);
        }
      }
      for (const queue of queues.values()) hint(queue);
      return refusals;
    },
    receive: (name, receive) => startReceiver(queueOf(name), receive, clock),
    watch: (watch) => {
      watches.add(watch);
      for (const notice of published) if (watch.types.includes(notice.type)) watch.onNotice(notice);
      return {
        caughtUp: Promise.resolve(),
        close: async () => {
          watches.delete(watch);
        },
      };
    },
    ping: async () => undefined,
    close: async () => undefined,
  };
}

function hint(queue: Queue): void {
  for (const wake of queue.receivers) wake();
}

function startReceiver(queue: Queue, receive: ReceiveOptions, clock: Clock): Receiver {
  const dispatcher: Dispatcher<Delivery> = createDispatcher<Delivery>({
    ...receive,
    capacity: { messages: CAPACITY, bytes: Number.POSITIVE_INFINITY },
    clock,
    logger: silentLogger,
    onSettled: () => {
      for (const [key, owner] of queue.taken) {
        if (owner === dispatcher && !dispatcher.holdsAny((held) => held.key === key)) queue.taken.delete(key);
      }
      hint(queue);
    },
    source: {
      owns: () => true,
      ack: async (entries) => {
        const gone = new Set(entries.map((entry) => entry.id));
        queue.entries = queue.entries.filter((entry) => !gone.has(entry.id));
      },
    },
  });
  const wake = () => {
    const held = new Set(dispatcher.beginFetch().map((entry) => entry.id));
    const free = queue.entries.filter((entry) => {
      const owner = queue.taken.get(entry.key);
      return (owner === undefined || owner === dispatcher) && !held.has(entry.id);
    });
    const taken = free.slice(0, Math.max(0, dispatcher.room().messages));
    for (const entry of taken) queue.taken.set(entry.key, dispatcher);
    dispatcher.offer(taken);
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
}
