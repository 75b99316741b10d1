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

const EMPTY: Horizon = { source: '', lastId: '0', writers: [] };

/** What `from`, a function of the database, tells. */
export async function readHorizon(db: Queryable, from: 'outbox_horizon' | 'bus.horizon'): Promise<Horizon> {
  const [seen] = await db.query<Horizon>(`SELECT source, last_id AS "lastId", writers FROM ${from}()`, []);
  return seen ?? EMPTY;
}

/**
 * Raises the lower bounds of our shards behind what is done with, so that a read does not pass deleted rows that nobody
 * may clean up yet. A message committed late, with a smaller id than others that were sent, stays above them: they are
 * raised only to ids all of whose transactions have ended. Returns the look to be repeated:
 * what one sees, a later one acts upon.
 */
export function createLowerBound(store: BoundStore): () => Promise<void> {
  let pending: Horizon | undefined;
  return async () => {
    const seen = await store.horizon();
    const before = pending?.source === seen.source ? pending : undefined;
    // One that is still at work keeps what was seen first: its ids are the ones in question.
    if (before?.writers.some((writer) => seen.writers.includes(writer)) === true) return;
    pending = seen;
    if (before) await store.raiseBounds(before.source, before.lastId);
  };
}
