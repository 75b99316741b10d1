import type { Queryable } from '@flotilla/postgres';
import { eventStoreError } from '../errors.ts';
import type { Category } from '../stream/category.ts';
import type { DomainEvent, Recorded } from '../stream/event.ts';
import { EVENT_COLUMNS, type EventRow } from '../stream/event-row.ts';
import { FEED_START, type FeedPosition } from '../stream/position.ts';

export interface FeedOptions {
  /** Everything up to here was read before. Default: nothing. */
  readonly after?: FeedPosition;
  /** Events at most. Default 500. */
  readonly limit?: number;
}

export interface FeedPage<E extends DomainEvent> {
  readonly events: readonly Recorded<E>[];
  /** Give it as `after` to read on. */
  readonly next: FeedPosition;
}

/**
 * The events of all these categories in one order that never changes: nothing appears before what was read already,
 * whoever commits when. Events of one stream come in the order of their versions. For that, events wait at the
 * horizon until every transaction that began to write before theirs has ended (`readHorizon` says for whom).
 */
export async function readFeed<E extends DomainEvent>(
  db: Queryable,
  categories: readonly Category<E>[],
  { after = FEED_START, limit = 500 }: FeedOptions = {},
): Promise<FeedPage<E>> {
  const byName = new Map(categories.map((one) => [one.name, one]));
  const rows = await feedRows(db, { categories: [...byName.keys()], after, limit });
  const events = rows.map((row) => decodeRow(byName, row));
  const last = rows.at(-1);
  return { events, next: last ? { xid: last.xid, position: last.position } : after };
}

export interface FeedQuery {
  readonly categories: readonly string[];
  readonly after: FeedPosition;
  readonly limit: number;
  /** A `pg_snapshot` whose events are left out: they were handled. */
  readonly handled?: string | null;
  /** Also what is beyond the horizon. Only for who has made sure that nobody else appends. */
  readonly beyondHorizon?: boolean;
}

const LAST_XID = '18446744073709551615';

// Each category is read by its own index, so the cost does not depend on what else happens.
const FEED = `
  SELECT ${EVENT_COLUMNS} FROM unnest($1::text[]) AS c (name), LATERAL (
    SELECT * FROM event e
    WHERE e.category = c.name AND (e.xid, e.position) > ($2::xid8, $3::bigint)
      AND e.xid < COALESCE($5::xid8, pg_snapshot_xmin(pg_current_snapshot()))
      AND ($6::pg_snapshot IS NULL OR NOT pg_visible_in_snapshot(e.xid, $6))
    ORDER BY e.xid, e.position LIMIT $4) AS e
  ORDER BY e.xid, e.position LIMIT $4`;

export async function feedRows(db: Queryable, query: FeedQuery): Promise<readonly EventRow[]> {
  const { categories, after, limit, handled = null, beyondHorizon = false } = query;
  return await db.query<EventRow>(FEED, [
    categories,
    after.xid,
    after.position,
    limit,
    beyondHorizon ? LAST_XID : null,
    handled,
  ]);
}

export function decodeRow<E extends DomainEvent>(
  categories: ReadonlyMap<string, Category<E>>,
  row: EventRow,
): Recorded<E> {
  const category = categories.get(row.category);
  if (category) return category.decode(row);
  throw eventStoreError('EVENT_STORE_UNKNOWN_EVENT', `no category ${row.category} is declared here`);
}
