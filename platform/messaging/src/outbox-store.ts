import type { Database } from '@flotilla/postgres';
import type { ClaimRow, LeaseStore } from './shard-leases.ts';

/** A committed message that waits to be sent. */
export interface OutboxRow {
  readonly shard: number;
  readonly token: string;
  readonly id: string;
  readonly message_id: string;
  readonly key: string;
  readonly type: string;
  readonly envelope: string;
  readonly mandatory: boolean;
  readonly attempts: number;
}

export interface OutboxStatistics {
  /** Unsent messages, counted up to 100,000. */
  readonly backlog: number;
  readonly oldestAgeSeconds: number;
  readonly parked: number;
}

/** What one relay does to the outbox tables. Every write names its owner, so that a former owner changes nothing. */
export interface OutboxStore extends LeaseStore {
  fetch(shards: ReadonlyMap<number, string>, perShard: number): Promise<readonly OutboxRow[]>;
  confirm(rows: readonly OutboxRow[]): Promise<void>;
  retryLater(row: OutboxRow, error: string, delayMs: number): Promise<void>;
  park(row: OutboxRow, error: string, reason: string): Promise<void>;
  statistics(): Promise<OutboxStatistics>;
}

export function createOutboxStore(db: Database, owner: string): OutboxStore {
  async function refuse(
    row: OutboxRow,
    error: string,
    delayMs: number,
    reason: string | null,
  ): Promise<void> {
    await db.query('SELECT outbox_refuse($1, $2::smallint, $3::bigint, $4::bigint, $5, $6, $7)', [
      owner,
      row.shard,
      row.token,
      row.id,
      error,
      delayMs,
      reason,
    ]);
  }

  return {
    claim: (leaseMs, presence) =>
      db.query<ClaimRow & object>('SELECT shard, token, fair FROM outbox_claim($1, $2, $3::bigint)', [
        owner,
        leaseMs,
        presence,
      ]),
    release: async (shards) => {
      await db.query('SELECT outbox_release($1, $2::smallint[])', [owner, shards]);
    },
    leave: async () => {
      await db.query('SELECT outbox_leave($1)', [owner]);
    },
    fetch: async (shards, perShard) => {
      const rows = await db.query<Omit<OutboxRow, 'token'>>(
        'SELECT * FROM outbox_fetch($1::smallint[], $2)',
        [[...shards.keys()], perShard],
      );
      return rows.map((row) => ({ ...row, token: shards.get(row.shard) ?? '' }));
    },
    confirm: async (rows) => {
      await db.query('SELECT outbox_confirm($1, $2::smallint[], $3::bigint[], $4::bigint[])', [
        owner,
        rows.map((row) => row.shard),
        rows.map((row) => row.token),
        rows.map((row) => row.id),
      ]);
    },
    retryLater: (row, error, delayMs) => refuse(row, error, delayMs, null),
    park: (row, error, reason) => refuse(row, error, 0, reason),
    statistics: async () => {
      const [found] = await db.query<{ backlog: number; age: number; parked: number }>(STATISTICS);
      return {
        backlog: found?.backlog ?? 0,
        oldestAgeSeconds: found?.age ?? 0,
        parked: found?.parked ?? 0,
      };
    },
  };
}

// The oldest of each shard is the first of its index range: no scan, however long the backlog.
const STATISTICS = `
  SELECT (SELECT count(*) FROM (SELECT 1 FROM outbox LIMIT 100000) AS counted)::integer AS backlog,
    coalesce(extract(epoch FROM clock_timestamp() - min(head.created_at)), 0)::float8 AS age,
    (SELECT count(*) FROM outbox_parked)::integer AS parked
  FROM outbox_shard s CROSS JOIN LATERAL (
    SELECT o.created_at FROM outbox o WHERE o.shard = s.shard ORDER BY o.id LIMIT 1) AS head`;
