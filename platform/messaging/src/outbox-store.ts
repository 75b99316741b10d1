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
  /** Messages to be sent later, counted up to 100,000. */
  readonly delayed: number;
}

/** What one relay does to the outbox tables. Every write names its owner, so that a former owner changes nothing. */
export interface OutboxStore extends LeaseStore {
  /** The oldest of each shard; of shards in `after`, what comes after that id. */
  fetch(
    shards: ReadonlyMap<number, string>,
    perShard: number,
    after: ReadonlyMap<number, string>,
  ): Promise<readonly OutboxRow[]>;
  confirm(rows: readonly OutboxRow[]): Promise<void>;
  retryLater(row: OutboxRow, error: string, delayMs: number): Promise<void>;
  park(row: OutboxRow, error: string, reason: string): Promise<void>;
  /** Moves delayed messages that are due to the outbox; `nextInMs` is given when more will be due. */
  moveDue(): Promise<{ readonly moved: number; readonly nextInMs: number | null }>;
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
    fetch: async (shards, perShard, after) => {
      const wanted = [...shards.keys()];
      const rows = await db.query<Omit<OutboxRow, 'token'>>(
        'SELECT * FROM outbox_fetch($1::smallint[], $2::bigint[], $3)',
        [wanted, wanted.map((shard) => after.get(shard) ?? 0), perShard],
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
    moveDue: async () => {
      const [row] = await db.query<{ moved: number; nextInMs: number | null }>(MOVE_DUE, [MOVE_BATCH]);
      return row ?? { moved: 0, nextInMs: null };
    },
    statistics: async () => {
      const [found] = await db.query<OutboxStatistics>(STATISTICS);
      return found ?? { backlog: 0, oldestAgeSeconds: 0, parked: 0, delayed: 0 };
    },
  };
}

const MOVE_BATCH = 500;
const MOVE_DUE = 'SELECT moved, next_in_ms AS "nextInMs" FROM outbox_move_due($1)';

// The oldest of each shard is the first of its index range: no scan, however long the backlog.
const STATISTICS = `
  SELECT (SELECT count(*) FROM (SELECT 1 FROM outbox LIMIT 100000) AS counted)::integer AS backlog,
    coalesce(extract(epoch FROM clock_timestamp() - min(head.created_at)), 0)::float8 AS "oldestAgeSeconds",
    (SELECT count(*) FROM outbox_parked)::integer AS parked,
    (SELECT count(*) FROM (SELECT 1 FROM outbox_delayed LIMIT 100000) AS counted)::integer AS delayed
  FROM outbox_shard s CROSS JOIN LATERAL (
    SELECT o.created_at FROM outbox o WHERE o.shard = s.shard ORDER BY o.id LIMIT 1) AS head`;
