import { type Clock, toError } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { Logger } from '@flotilla/telemetry';
import { type Loop, startLoop } from './loop.ts';

/**
 * Tells consumers in other processes that a queue has something new. A hint: it is lost without harm, because
 * consumers also poll. One dedicated connection listens and notifies; it is replaced when it breaks.
 */
export interface Notifier {
  /** Calls `wake` when something may have come for `queue`; returns the way to end that. */
  listen(queue: string, wake: () => void): () => void;
  /** Coalesced: while one notification is on its way, further queues wait for the next. */
  notify(queues: readonly string[]): void;
  close(): Promise<void>;
}

type Connection = Awaited<ReturnType<Database['connect']>>;

const CHANNEL = 'flotilla_bus';
const MAX_PAYLOAD = 7_000; // PostgreSQL allows 7,999 bytes
const EVERY_QUEUE = '*';

export function createNotifier(db: Database, clock: Clock, logger: Logger): Notifier {
  const listeners = new Map<string, Set<() => void>>();
  const pending = new Set<string>();
  let connection: Connection | undefined;
  let closed = false;

  function wake(payload: string): void {
    const queues = payload === EVERY_QUEUE ? [...listeners.keys()] : payload.split(',');
    for (const queue of queues) for (const listener of listeners.get(queue) ?? []) listener();
  }

  async function connect(): Promise<Connection> {
    const client = await db.connect();
    const drop = () => {
      if (connection === client) connection = undefined;
      if (!closed) loop.wake();
    };
    client.on('error', (error) => {
      logger.debug({ err: error }, 'the notification connection broke, it is replaced');
      drop();
    });
    client.on('end', drop);
    client.on('notification', ({ payload }) => wake(payload ?? EVERY_QUEUE));
    await client.query('SET synchronous_commit = off');
    await client.query(`LISTEN ${CHANNEL}`);
    // Whatever was published while nobody listened.
    wake(EVERY_QUEUE);
    return client;
  }

  async function round(): Promise<boolean> {
    if (connection === undefined) {
      const opened = await connect();
      if (closed) await opened.end();
      else connection = opened;
    }
    if (pending.size === 0 || connection === undefined) return false;
    const names = [...pending].join(',');
    pending.clear();
    await connection.query('SELECT pg_notify($1, $2)', [
      CHANNEL,
      Buffer.byteLength(names) > MAX_PAYLOAD ? EVERY_QUEUE : names,
    ]);
    return pending.size > 0;
  }

  const loop: Loop = startLoop({ name: 'bus-notifier', run: round, intervalMs: 60_000, clock, logger });

  return {
    listen: (queue, listener) => {
      const set = listeners.get(queue) ?? new Set();
      listeners.set(queue, set.add(listener));
      return () => set.delete(listener);
    },
    notify: (queues) => {
      for (const queue of queues) pending.add(queue);
      if (queues.length > 0) loop.wake();
    },
    close: async () => {
      closed = true;
      await loop.stop();
      await connection
        ?.end()
        .catch((error: unknown) => logger.debug({ err: toError(error) }, 'already closed'));
    },
  };
}
