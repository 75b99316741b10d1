import type { Database } from '@flotilla/postgres';
import type { ActiveCount } from './saga-metrics.ts';
import type { Direction, SagaReason, SagaStatus } from './transition.ts';

/** One saga as operators see it. */
export interface SagaSummary {
  readonly id: string;
  readonly type: string;
  readonly version: number;
  readonly status: SagaStatus;
  readonly correlationKey?: string;
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
  readonly nextAttemptAt: Date;
  readonly deadlineAt: Date;
  readonly startedAt: Date;
  readonly updatedAt: Date;
  readonly endedAt?: Date;
}

/** One opened step in the history of a saga. */
export interface SagaStepRecord {
  readonly step: string;
  readonly direction: Direction;
  /** `unknown`: given up before its outcome was known. */
  readonly status: 'open' | 'done' | 'rejected' | 'unknown';
  /** Attempts whose end was recorded. */
  readonly attempts: number;
  readonly commandId: string;
  /** The participant's refusal. */
  readonly reply?: unknown;
  readonly lastError?: { readonly code: string; readonly message: string };
  readonly startedAt: Date;
  readonly endedAt?: Date;
}

export interface SagaDetails extends SagaSummary {
  readonly data: object;
  /** In the order in which the steps were opened. */
  readonly history: readonly SagaStepRecord[];
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
  readonly correlation_key: string | null;
  readonly step: string | null;
  readonly direction: Direction;
  readonly attempt: number;
  readonly pivot_started: boolean;
  readonly reason: SagaReason | null;
  readonly cancel_reason: string | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly lease_owner: string | null;
  readonly next_attempt_at: Date;
  readonly deadline_at: Date;
  readonly started_at: Date;
  readonly updated_at: Date;
  readonly ended_at: Date | null;
}

const SELECT = `
  SELECT i.*, s.error_code, s.error_message FROM saga_instance i
  LEFT JOIN saga_step s ON s.saga_id = i.id AND s.step = i.step AND s.kind = i.direction AND s.status = 'open'`;

export async function findSaga(db: Database, id: string): Promise<SagaDetails | undefined> {
  const [row] = await db.query<SummaryRow>(`${SELECT} WHERE i.id = $1`, [id]);
  if (row === undefined) return undefined;
  const steps = await db.query<StepRow>('SELECT * FROM saga_step WHERE saga_id = $1 ORDER BY seq', [id]);
  return { ...toSummary(row), data: row.data, history: steps.map(toStepRecord) };
}

export async function listSagas(db: Database, filter: SagaFilter): Promise<readonly SagaSummary[]> {
  const limit = filter.limit ?? 100;
  if (!(limit >= 1 && limit <= 1_000)) throw new RangeError(`limit must be 1 to 1,000, got ${limit}`);
  const sql = `${SELECT} WHERE ($1::text IS NULL OR i.status = $1) AND ($2::text IS NULL OR i.type = $2)
    AND ($3::uuid IS NULL OR i.id > $3) ORDER BY i.id LIMIT $4`;
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

interface StepRow {
  readonly step: string;
  readonly kind: Direction;
  readonly status: SagaStepRecord['status'];
  readonly attempts: number;
  readonly command_id: string;
  readonly reply: unknown;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly started_at: Date;
  readonly ended_at: Date | null;
}

function toStepRecord(row: StepRow): SagaStepRecord {
  return {
    step: row.step,
    direction: row.kind,
    status: row.status,
    attempts: row.attempts,
    commandId: row.command_id,
    ...(row.reply !== null && { reply: row.reply }),
    ...lastError(row),
    startedAt: row.started_at,
    ...(row.ended_at && { endedAt: row.ended_at }),
  };
}

function toSummary(row: SummaryRow): SagaSummary {
  return {
    id: row.id,
    type: row.type,
    version: row.def_version,
    status: row.status,
    ...(row.correlation_key !== null && { correlationKey: row.correlation_key }),
    ...(row.step !== null && { step: row.step }),
    direction: row.direction,
    attempt: row.attempt,
    pivotStarted: row.pivot_started,
    ...(row.reason && { reason: row.reason }),
    ...(row.cancel_reason !== null && { cancelReason: row.cancel_reason }),
    ...lastError(row),
    ...(row.lease_owner !== null && { leasedBy: row.lease_owner }),
    nextAttemptAt: row.next_attempt_at,
    deadlineAt: row.deadline_at,
    startedAt: row.started_at,
    updatedAt: row.updated_at,
    ...(row.ended_at && { endedAt: row.ended_at }),
  };
}

function lastError(row: { readonly error_code: string | null; readonly error_message: string | null }): {
  readonly lastError?: { readonly code: string; readonly message: string };
} {
  if (row.error_code === null) return {};
  return { lastError: { code: row.error_code, message: row.error_message ?? '' } };
}
