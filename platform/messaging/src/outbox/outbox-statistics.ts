import type { Queryable } from '@flotilla/postgres';

/** What waits in the outbox of a service. */
export interface OutboxStatistics {
  /** Unsent messages with the held ones, counted up to 100,000. */
  readonly backlog: number;
  /** Refused messages and those behind them in their keys, counted up to 100,000. */
  readonly held: number;
  readonly oldestAgeSeconds: number;
  readonly parked: number;
  /** Messages to be sent later, counted up to 100,000. */
  readonly delayed: number;
}

/** For whoever looks from outside; a relay tells it by its metrics. */
export async function readOutboxStatistics(db: Queryable): Promise<OutboxStatistics> {
  const [found] = await db.query<OutboxStatistics>(STATISTICS);
  return found ?? { backlog: 0, held: 0, oldestAgeSeconds: 0, parked: 0, delayed: 0 };
}

// The oldest of each shard is the first of its index range: no scan, however long the backlog. From the lower bound on:
// what was sent may still be in the table.
const STATISTICS = `
  SELECT (SELECT count(*) FROM (
      (SELECT 1 FROM outbox_shard s CROSS JOIN LATERAL (
        SELECT 1 FROM outbox o WHERE o.shard = s.shard AND o.id > s.lower_bound LIMIT 100000) AS waiting LIMIT 100000)
      UNION ALL (SELECT 1 FROM outbox_held LIMIT 100000) LIMIT 100000) AS counted
    )::integer AS backlog,
    (SELECT count(*) FROM (SELECT 1 FROM outbox_held LIMIT 100000) AS counted)::integer AS held,
    coalesce(extract(epoch FROM clock_timestamp() - min(head.created_at)), 0)::float8 AS "oldestAgeSeconds",
    (SELECT count(*) FROM outbox_parked)::integer AS parked,
    (SELECT count(*) FROM (SELECT 1 FROM outbox_delayed LIMIT 100000) AS counted)::integer AS delayed
  FROM (
    SELECT oldest.created_at FROM outbox_shard s CROSS JOIN LATERAL (
      SELECT o.created_at FROM outbox o
      WHERE o.shard = s.shard AND o.id > s.lower_bound ORDER BY o.id LIMIT 1) AS oldest
    UNION ALL (SELECT h.created_at FROM outbox_held h ORDER BY h.created_at LIMIT 1)) AS head`;
