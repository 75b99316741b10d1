import type { Queryable } from '@flotilla/postgres';

/** The ids a table has given out, and the transactions that may still commit a message with one of them. */
export interface Horizon {
  /** The run of the server and the table this was seen in. */
  readonly source: string;
  readonly lastId: string;
  readonly writers: readonly string[];
}

export interface BoundStore {
  horizon(): Promise<Horizon>;
  /** All of the ids up to this one that will ever be seen can be seen now. */
  raiseBounds(source: string, closedId: string): Promise<void>;
}

/** Looks that are passed over before the next while nothing is done. */
const PASSED = 14;

const EMPTY: Horizon = { source: '', lastId: '0', writers: [] };

/** What `from`, a function of the database, tells. */
export async function readHorizon(db: Queryable, from: 'outbox_horizon' | 'bus.horizon'): Promise<Horizon> {
  const [seen] = await db.query<Horizon>(`SELECT source, last_id AS "lastId", writers FROM ${from}()`, []);
  return seen ?? EMPTY;
}

/**
 * Raises the lower bounds of our shards behind what is done with, so that a read does not pass deleted rows that nobody
 * may clean up yet. A message committed late, with a smaller id than others that were sent, stays above them: they are
 * raised only to ids all of whose transactions have ended.
 */
export interface LowerBound {
  /**
   * The look to be repeated: what one sees, a later one acts upon. Once the bounds are behind all that was done, only one in 15 really looks, for ids
   * that begin anew.
   */
  raise(): Promise<void>;
  /** Something was done with messages of our shards, or shards became ours. */
  worked(): void;
}

export function createLowerBound(store: BoundStore): LowerBound {
  let pending: Horizon | undefined;
  let isDone = false;
  let works = 0;
  let passed = 0;

  /** Resolves with whether everything that has an id by now is below the bounds. */
  async function look(): Promise<boolean> {
    const seen = await store.horizon();
    const before = pending?.source === seen.source ? pending : undefined;
    // One that is still at work keeps what was seen first: its ids are the ones in question.
    if (before?.writers.some((writer) => seen.writers.includes(writer)) === true) return false;
    pending = seen;
    if (before) await store.raiseBounds(before.source, before.lastId);
    return before?.lastId === seen.lastId;
  }

  return {
    raise: async () => {
      if (isDone && passed < PASSED) {
        passed += 1;
        return;
      }
      passed = 0;
      const worksBefore = works;
      const isClosed = await look();
      isDone = isClosed && works === worksBefore;
    },
    worked: () => {
      works += 1;
      isDone = false;
    },
  };
}
