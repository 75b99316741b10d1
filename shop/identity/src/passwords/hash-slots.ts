import { identityError } from '../errors.ts';

/** A few places where passwords are hashed, and a short queue for them. */
export interface HashSlots {
  /**
   * Runs `work` when a place is free. Clients take turns, whatever each of them sends. Throws `IDENTITY_BUSY`
   * (retryable) when the queue is full or none was free in time, and the signal's reason when the caller has gone while it waited.
   */
  run<T>(work: () => Promise<T>, waiting: Waiting): Promise<T>;
}

interface Waiting {
  /** Whose turn it is: a network address. */
  readonly client: string;
  readonly signal: AbortSignal;
}

export interface HashSlotsOptions {
  /** Hashes at a time: each takes a core for some 40 ms and 19 MiB. */
  readonly concurrent: number;
  /** Waiting callers at most. When one more comes, the client with the longest queue loses its last. */
  readonly queued: number;
  /** Who has waited for so long is refused: nobody looks at a page that long. Default 10,000. */
  readonly patienceMs?: number;
}

interface Waiter {
  begin(): void;
  refuse(reason: unknown): void;
}

const busy = () => identityError('IDENTITY_BUSY', 'too many passwords wait to be hashed');

/** Logins cost a core each; without a bound they would be the cheapest way to stop the whole machine. */
export function createHashSlots({ concurrent, queued, patienceMs = 10_000 }: HashSlotsOptions): HashSlots {
  /** The clients that wait, who is next first. */
  const queues = new Map<string, Waiter[]>();
  let waiting = 0;
  let running = 0;

  async function enter({ client, signal }: Waiting): Promise<void> {
    signal.throwIfAborted();
    if (running < concurrent) {
      running += 1;
      return;
    }
    if (waiting >= queued) makeRoom(queues.get(client)?.length ?? 0);
    const { promise, resolve: begin, reject: refuse } = Promise.withResolvers<void>();
    const waiter = { begin, refuse };
    const queue = queues.get(client) ?? [];
    queue.push(waiter);
    queues.set(client, queue);
    waiting += 1;
    const giveUp = (reason: () => unknown) => {
      if (remove(client, waiter)) refuse(reason());
    };
    const onGone = () => giveUp(() => signal.reason);
    const timer = setTimeout(giveUp, patienceMs, busy);
    signal.addEventListener('abort', onGone, { once: true });
    await promise.finally(() => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onGone);
    });
  }

  /** Refuses the last of the longest queue, or the newcomer when its own is the longest. */
  function makeRoom(own: number): void {
    const [longest, queue] = [...queues].reduce((most, next) =>
      next[1].length > most[1].length ? next : most,
    );
    const last = queue.at(-1);
    if (last === undefined || queue.length <= own + 1) throw busy();
    remove(longest, last);
    last.refuse(busy());
  }

  function remove(client: string, waiter: Waiter): boolean {
    const queue = queues.get(client) ?? [];
    const at = queue.indexOf(waiter);
    if (at === -1) return false;
    queue.splice(at, 1);
    if (queue.length === 0) queues.delete(client);
    waiting -= 1;
    return true;
  }

  function leave(): void {
    const [next] = queues;
    const waiter = next?.[1][0];
    if (next === undefined || waiter === undefined) {
      running -= 1;
      return;
    }
    // The place is handed over, so `running` stays; the client goes to the end of the line.
    const [client, queue] = next;
    remove(client, waiter);
    queues.delete(client);
    if (queue.length > 0) queues.set(client, queue);
    waiter.begin();
  }

  return {
    run: async (work, who) => {
      await enter(who);
      try {
        who.signal.throwIfAborted();
        return await work();
      } finally {
        leave();
      }
    },
  };
}
