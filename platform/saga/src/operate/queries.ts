import type { Database } from '@flotilla/postgres';
import type { Direction, SagaReason, SagaStatus } from '../decide/state.ts';
import type { ActiveCount } from '../run/saga-metrics.ts';
import { lastErrorOf, readHistory, type SagaHistory } from './history.ts';

/** One saga as operators see it. */
export interface SagaSummary {
  readonly id: string;
  readonly type: string;
  readonly version: number;
  readonly status: SagaStatus;
  /** Counts changes: what an operator decides upon. */
  readonly changes: number;
  readonly correlationKeys: readonly string[];
  /** The open step; absent once the saga has ended. */
  readonly step?: string;
  readonly direction: Direction;
  readonly attempt: number;
  readonly pivotStarted: boolean;
  readonly reason?: SagaReason;
  readonly cancelReason?: string;
  /** The last fault of the open step. */
  readonly lastError?: { readonly code: string; readonly message: string };
  /** The engine that works on it right now. */
  readonly leasedBy?: string;
  /** When another one may take it over: in the past, that engine has stalled or is gone. */
  readonly leasedUntil?: Date;
  readonly nextAttemptAt: Date;
  readonly deadlineAt: Date;
  readonly startedAt: Date;
  readonly updatedAt: Date;
  readonly endedAt?: Date;
}

export interface SagaDetails extends SagaSummary, SagaHistory {
  readonly data: object;
}

export interface SagaFilter {
  readonly status?: SagaStatus;
  readonly type?: string;
  /** Only those that come after this id. */
  readonly afterId?: string;
  /** 1 to 1,000, default 100. */
  readonly limit?: number;
}

interface SummaryRow {
  readonly id: string;
  readonly type: string;
  readonly def_version: number;
  readonly status: SagaStatus;
  readonly data: object;
  readonly version: number;
  readonly keys: readonly string[];
  readonly step: string | null;
  readonly direction: Direction;
  readonly attempt: number;
  readonly pivot_started: boolean;
  readonly reason: SagaReason | null;
  readonly cancel_reason: string | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly lease_owner: string | null;
  readonly lease_until: Date | null;
  readonly next_attempt_at: Date;
  readonly deadline_at: Date;
  readonly started_at: Date;
  readonly updated_at: Date;
  readonly ended_at: Date | null;
}

const SELECT = `
  SELECT i.*, s.error_code, s.error_message,
    ARRAY(SELECT k.key FROM saga_key k WHERE k.saga_id = i.id ORDER BY k.key) AS keys
  FROM saga_instance i LEFT JOIN LATERAL (
    SELECT error_code, error_message FROM saga_step s
    WHERE s.saga_id = i.id AND s.step = i.step AND s.kind = i.direction AND s.status = 'open'
    ORDER BY s.error_code IS NULL, s.seq LIMIT 1) s ON true`;

export async function findSaga(db: Database, id: string): Promise<SagaDetails | undefined> {
  const [row] = await db.query<SummaryRow>(`${SELECT} WHERE i.id = $1`, [id]);
  if (row === undefined) return undefined;
  return { ...toSummary(row), data: row.data, ...(await readHistory(db, id)) };
}

export async function listSagas(
  db: Database,
  filter: SagaFilter,
  order: 'oldest-first' | 'newest-first' = 'oldest-first',
): Promise<readonly SagaSummary[]> {
  const limit = filter.limit ?? 100;
  if (!(limit >= 1 && limit <= 1_000)) throw new RangeError(`limit must be 1 to 1,000, got ${limit}`);
  const sql = `${SELECT} WHERE ($1::text IS NULL OR i.status = $1) AND ($2::text IS NULL OR i.type = $2)
    AND ($3::uuid IS NULL OR i.id > $3) ORDER BY i.id ${order === 'oldest-first' ? 'ASC' : 'DESC'} LIMIT $4`;
  const rows = await db.query<SummaryRow>(sql, [
    filter.status ?? null,
    filter.type ?? null,
    filter.afterId ?? null,
    limit,
  ]);
  return rows.map(toSummary);
}

/** Counts what has not ended, by status; instances of an unknown definition under `unknown-version`. */
export async function countActive(
  db: Database,
  isKnown: (type: string, version: number) => boolean,
): Promise<readonly ActiveCount[]> {
  const rows = await db.query<{ type: string; def_version: number; status: SagaStatus; count: number }>(
    `SELECT type, def_version, status, count(*)::int AS count FROM saga_instance
     WHERE ended_at IS NULL GROUP BY 1, 2, 3`,
  );
  const counts = new Map<string, ActiveCount>();
  for (const row of rows) {
    const status = isKnown(row.type, row.def_version) ? row.status : 'unknown-version';
    const key = `${row.type} ${status}`;
    counts.set(key, { type: row.type, status, count: row.count + (counts.get(key)?.count ?? 0) });
  }
  return [...counts.values()];
}

function toSummary(row: SummaryRow): SagaSummary {
  return {
    id: row.id,
    type: row.type,
    version: row.def_version,
    status: row.status,
    changes: row.version,
    correlationKeys: row.keys,
    ...(row.step !== null && { step: row.step }),
    direction: row.direction,
    attempt: row.attempt,
    pivotStarted: row.pivot_started,
    ...(row.reason && { reason: row.reason }),
    ...(row.cancel_reason !== null && { cancelReason: row.cancel_reason }),
    ...lastErrorOf(row),
    ...(row.lease_owner !== null && { leasedBy: row.lease_owner }),
    ...(row.lease_until && { leasedUntil: row.lease_until }),
    nextAttemptAt: row.next_attempt_at,
    deadlineAt: row.deadline_at,
    startedAt: row.started_at,
    updatedAt: row.updated_at,
    ...(row.ended_at && { endedAt: row.ended_at }),
  };
}
