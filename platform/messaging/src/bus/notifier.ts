import type { Clock } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { Logger } from '@flotilla/telemetry';
import { isProbe, probeListening } from './listen-probe.ts';
import { holdPresence, NO_PRESENCE, presenceKey } from './presence.ts';
import { type Connection, keepConnection } from './standing-connection.ts';

/**
 * Tells other processes on this database that there is something new of some name, as in a queue. A hint: it is lost without harm, because whoever
 * listens also looks by itself, and often while hints do not arrive. Its one dedicated connection listens, notifies and shows that this process is
 * alive.
 */
export interface Notifier {
  /** Calls `wake` when there may be something new of `name`, and when `works` changes; returns the way to end that. */
  listen(name: string, wake: () => void): () => void;
  /** Coalesced: while one notification is on its way, or the connection is away, further names wait for the next. */
  notify(names: readonly string[]): void;
  /** The lock that proves this process alive; `null` while the connection is away or is not really ours. */
  presence(): string | null;
  /** Calls `listener` when `presence` begins to show something; returns the way to end that. */
  onPresence(listener: () => void): () => void;
  /** Do notifications arrive? `false` until that was tried, and while the connection is away. */
  works(): boolean;
  close(): Promise<void>;
}

const MAX_PAYLOAD = 7_000; // PostgreSQL allows 7,999 bytes
const EVERYTHING = '*';

export interface NotifierOptions {
  readonly channel: string;
  readonly owner: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long a notification of our own may take to arrive. Default 2,000 ms. */
  readonly probeTimeoutMs?: number;
  readonly onProbed?: (works: boolean) => void;
}

export function createNotifier(db: Database, options: NotifierOptions): Notifier {
  const { channel, owner, clock, logger, probeTimeoutMs = 2_000, onProbed } = options;
  const key = presenceKey(owner);
  const { listen, wake } = createListeners();
  const presenceListeners = new Set<() => void>();
  const pending = new Set<string>();
  const closing = new AbortController();
  let works = false;
  let isShown = false;
  let hasWarned = false;

  async function setUp(connection: Connection): Promise<void> {
    // Whoever has just connected, as its probe tells, may have lost the hints of its life before.
    connection.on('notification', ({ payload = EVERYTHING }) =>
      wake(isProbe(payload) ? EVERYTHING : payload),
    );
    await connection.query('SET synchronous_commit = off');
    await connection.query(`LISTEN ${channel}`);
    isShown = await holdPresence(connection, key);
    if (!isShown) logger.warn({}, NO_PRESENCE);
    void probeListening(connection, {
      ...{ db, channel, clock, logger, timeoutMs: probeTimeoutMs },
      closing: closing.signal,
      onConclusion: conclude,
    });
    // Catches up on what was published while it was disconnected.
    wake(EVERYTHING);
  }

  function conclude(hasArrived: boolean): void {
    works = hasArrived;
    onProbed?.(works);
    if (works) for (const listener of presenceListeners) listener();
    if (works || hasWarned) return;
    hasWarned = true;
    logger.warn(
      { channel },
      'notifications do not arrive (a pooler in transaction mode?), what they tell of is looked for more often instead',
    );
  }

  async function send(connection: Connection): Promise<boolean> {
    if (pending.size === 0) return false;
    const names = [...pending];
    pending.clear();
    const list = names.join(',');
    const payload = Buffer.byteLength(list) > MAX_PAYLOAD ? EVERYTHING : list;
    try {
      await connection.query('SELECT pg_notify($1, $2)', [channel, payload]);
    } catch (error) {
      for (const name of names) pending.add(name);
      throw error;
    }
    return pending.size > 0;
  }

  /** Hints are lost from now on: who listens has to look by itself at once, and often. */
  function loseTouch(): void {
    works = false;
    wake(EVERYTHING);
  }

  const connection = keepConnection({
    name: channel,
    db,
    setUp,
    run: send,
    onLost: loseTouch,
    clock,
    logger,
  });

  return {
    listen,
    notify: (names) => {
      for (const name of names) pending.add(name);
      if (names.length > 0) connection.wake();
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

function createListeners(): Pick<Notifier, 'listen'> & { wake(payload: string): void } {
  const listeners = new Map<string, Set<() => void>>();
  return {
    listen: (name, listener) => {
      const set = listeners.get(name) ?? new Set();
      listeners.set(name, set.add(listener));
      return () => set.delete(listener);
    },
    wake: (payload) => {
      const names = payload === EVERYTHING ? [...listeners.keys()] : payload.split(',');
      for (const name of names) for (const listener of listeners.get(name) ?? []) listener();
    },
  };
}
