import type { Clock } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { Logger } from '@flotilla/telemetry';
import { isProbe, probeListening } from './listen-probe.ts';
import { holdPresence, NO_PRESENCE, presenceKey } from './presence.ts';
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
  /** The lock that proves this process alive; `null` while the connection is away or is not really ours. */
  presence(): string | null;
  /** Calls `listener` when `presence` begins to show something; returns the way to end that. */
  onPresence(listener: () => void): () => void;
  /** Do notifications arrive? `false` until that was tried. */
  works(): boolean;
  close(): Promise<void>;
}

const CHANNEL = 'flotilla_bus';
const MAX_PAYLOAD = 7_000; // PostgreSQL allows 7,999 bytes
const EVERY_QUEUE = '*';

export interface NotifierOptions {
  readonly owner: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long a notification of our own may take to arrive. Default 2,000 ms. */
  readonly probeTimeoutMs?: number;
  readonly onProbed: (works: boolean) => void;
}

export function createNotifier(db: Database, options: NotifierOptions): Notifier {
  const { owner, clock, logger, probeTimeoutMs = 2_000, onProbed } = options;
  const key = presenceKey(owner);
  const listeners = new Map<string, Set<() => void>>();
  const presenceListeners = new Set<() => void>();
  const pending = new Set<string>();
  const closing = new AbortController();
  let works = false;
  let isShown = false;
  let hasWarned = false;

  function wake(payload: string): void {
    const queues = payload === EVERY_QUEUE ? [...listeners.keys()] : payload.split(',');
    for (const queue of queues) for (const listener of listeners.get(queue) ?? []) listener();
  }

  async function setUp(connection: Connection): Promise<void> {
    connection.on('notification', ({ payload = EVERY_QUEUE }) => {
      if (!isProbe(payload)) wake(payload);
    });
    await connection.query('SET synchronous_commit = off');
    await connection.query(`LISTEN ${CHANNEL}`);
    isShown = await holdPresence(connection, key);
    if (!isShown) logger.warn({}, NO_PRESENCE);
    void probeListening(connection, {
      ...{ db, channel: CHANNEL, clock, logger, timeoutMs: probeTimeoutMs },
      closing: closing.signal,
      onConclusion: conclude,
    });
    // Catches up on what was published while it was disconnected.
    wake(EVERY_QUEUE);
  }

  function conclude(hasArrived: boolean): void {
    works = hasArrived;
    onProbed(works);
    if (works) for (const listener of presenceListeners) listener();
    if (works || hasWarned) return;
    hasWarned = true;
    logger.warn(
      { channel: CHANNEL },
      'notifications do not arrive (a pooler in transaction mode?), queues are polled more often instead',
    );
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
    presence: () => (isShown && works && connection.isOpen() ? key : null),
    onPresence: (listener) => {
      presenceListeners.add(listener);
      return () => presenceListeners.delete(listener);
    },
    works: () => works,
    close: async () => {
      closing.abort();
      await connection.close();
    },
  };
}
