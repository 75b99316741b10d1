import type { Queryable } from '@flotilla/postgres';
import type { Stream } from './category.ts';
import type { DomainEvent, Recorded } from './event.ts';
import { EVENT_COLUMNS, type EventRow } from './event-row.ts';

export interface ReadStreamOptions {
  /** The first version to read. Default 1. */
  readonly from?: number;
  /** The last version to read. Default: the newest. */
  readonly to?: number;
  /** Events at most. Default 1,000. */
  readonly limit?: number;
}

export const PAGE = 1_000;

const READ = `SELECT ${EVENT_COLUMNS} FROM event e
  WHERE e.stream_id = $1 AND e.version BETWEEN $2 AND $3 ORDER BY e.version LIMIT $4`;

/**
 * A page of a stream in the order of its versions; the next one is `from` the last version + 1. Empty for a stream that
 * does not exist. Throws `EVENT_STORE_UNKNOWN_EVENT` and `EVENT_STORE_INVALID_EVENT` rather than leave an event out.
 */
export async function readStream<E extends DomainEvent>(
  db: Queryable,
  { id, category }: Stream<E>,
  { from = 1, to = 2_147_483_647, limit = PAGE }: ReadStreamOptions = {},
): Promise<readonly Recorded<E>[]> {
  const rows = await db.query<EventRow>(READ, [id, from, to, limit]);
  return rows.map((row) => category.decode(row));
}

interface LockedRow extends EventRow {
  readonly head: number;
}

const LOCK_AND_READ = `SELECT s.version AS head, e.* FROM event_stream s
  LEFT JOIN LATERAL (SELECT ${EVENT_COLUMNS} FROM event e
    WHERE e.stream_id = s.stream_id AND e.version >= $2 ORDER BY e.version LIMIT $3) e ON true
  WHERE s.stream_id = $1 FOR UPDATE OF s`;

/**
 * The same to its end, and nobody else appends to the stream until the transaction ends. A stream that does not exist
 * cannot be locked. One statement, unless somebody appended while it waited for the lock.
 */
export async function lockStream<E extends DomainEvent>(
  tx: Queryable,
  stream: Stream<E>,
  from: number,
): Promise<{ readonly head: number; readonly events: readonly Recorded<E>[] }> {
  const rows = await tx.query<LockedRow>(LOCK_AND_READ, [stream.id, from, PAGE]);
  const head = rows[0]?.head ?? 0;
  const events = rows.filter((row) => row.version !== null).map((row) => stream.category.decode(row));
  let next = from + events.length;
  while (next <= head) {
    const page = await readStream(tx, stream, { from: next, to: head });
    if (page.length === 0) throw new RangeError(`stream ${stream.id} has a gap at version ${next}`);
    events.push(...page);
    next += page.length;
  }
  return { head, events };
}

/** The whole stream from a version on, page by page. */
export async function readToEnd<E extends DomainEvent>(
  db: Queryable,
  stream: Stream<E>,
  from: number,
): Promise<readonly Recorded<E>[]> {
  const events: Recorded<E>[] = [];
  for (;;) {
    const page = await readStream(db, stream, { from: from + events.length });
    events.push(...page);
    if (page.length < PAGE) return events;
  }
}
