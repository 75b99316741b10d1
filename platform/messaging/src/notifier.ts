import type { Clock } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { Logger } from '@flotilla/telemetry';
import { holdPresence, presenceKey } from './presence.ts';
import { type Connection, keepConnection } from './standing-connection.ts';

/**
 * Tells consumers in other processes that a queue has something new. A hint: it is lost without harm, because
 * consumers also poll. Its one dedicated connection listens, notifies and shows that this process is alive.
 */
export interface Notifier {
  /** Calls `wake` when something may have come for `queue`; returns the way to end that. */
  listen(queue: string, wake: () => void): () => void;
  /** Coalesced: while one notification is on its way, further queues wait for the next. */
  notify(queues: readonly string[]): void;
  /** The lock that proves this process alive; `null` while the connection is away. */
  presence(): string | null;
  close(): Promise<void>;
}

const CHANNEL = 'flotilla_bus';
const MAX_PAYLOAD = 7_000; // PostgreSQL allows 7,999 bytes
const EVERY_QUEUE = '*';

export function createNotifier(
  db: Database,
  { owner, clock, logger }: { readonly owner: string; readonly clock: Clock; readonly logger: Logger },
): Notifier {
  const key = presenceKey(owner);
  const listeners = new Map<string, Set<() => void>>();
  const pending = new Set<string>();

  function wake(payload: string): void {
    const queues = payload === EVERY_QUEUE ? [...listeners.keys()] : payload.split(',');
    for (const queue of queues) for (const listener of listeners.get(queue) ?? []) listener();
  }

  async function setUp(connection: Connection): Promise<void> {
    connection.on('notification', ({ payload }) => wake(payload ?? EVERY_QUEUE));
    await connection.query('SET synchronous_commit = off');
    await connection.query(`LISTEN ${CHANNEL}`);
    await holdPresence(connection, key);
    // Whatever was published while nobody listened.
    wake(EVERY_QUEUE);
  }

  async function send(connection: Connection): Promise<boolean> {
    if (pending.size === 0) return false;
    const names = [...pending].join(',');
    pending.clear();
    const payload = Buffer.byteLength(names) > MAX_PAYLOAD ? EVERY_QUEUE : names;
    await connection.query('SELECT pg_notify($1, $2)', [CHANNEL, payload]);
    return pending.size > 0;
  }

  const connection = keepConnection({ name: 'bus-notifier', db, setUp, run: send, clock, logger });

  return {
    listen: (queue, listener) => {
      const set = listeners.get(queue) ?? new Set();
      listeners.set(queue, set.add(listener));
      return () => set.delete(listener);
    },
    notify: (queues) => {
      for (const queue of queues) pending.add(queue);
      if (queues.length > 0) connection.wake();
    },
    presence: () => (connection.isOpen() ? key : null),
    close: connection.close,
  };
}
