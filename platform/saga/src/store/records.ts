import { type Queryable, storableJson } from '@flotilla/postgres';
import type { Closing, Direction, SagaStatus } from '../decide/state.ts';
import type { Fault } from '../errors.ts';
import { OPENED_COLUMNS, type OpeningRow, openedValues, openingsFrom } from './instances.ts';

/** One transition of an instance, as it is written. */
export interface StepRecord {
  readonly id: string;
  readonly version: number;
  /** Of the lease as it was read: a claim in between makes the write void. */
  readonly epoch: number;
  /** Written by the holder of the lease; else by a reply, an event or an operator, who leaves the lease alone. */
  readonly held: boolean;
  readonly status: SagaStatus;
  /** New data as JSON; `undefined`: unchanged. */
  readonly dataJson: string | undefined;
  /** `undefined`: ended. */
  readonly step: string | undefined;
  readonly direction: Direction;
  readonly attempt: number;
  readonly pivotStarted: boolean;
  readonly reasonJson: string | undefined;
  /** Keep the lease for this long, or give it up and be due after `waitMs`. */
  readonly next: { readonly leaseMs: number } | { readonly waitMs: number };
  /** The history row of the step that was open. */
  readonly was: {
    readonly step: string;
    readonly branch: string;
    readonly direction: Direction;
    readonly epoch: number;
    readonly status: 'open' | Closing;
    readonly attempts: number;
    readonly sent: boolean;
    /** While it stays open. */
    readonly dueMs: number | undefined;
    readonly replyJson: string | undefined;
    readonly fault: Fault | undefined;
  };
  /** The steps that this opens. */
  readonly opens: readonly OpeningRow[];
}

/** Whoever was taken over, or has read an older version, affects no row. */
const FENCE = `lease_epoch = $2 AND version = $3 AND ended_at IS NULL AND (NOT $24::boolean OR lease_owner IS NOT NULL)`;

// By the parameter, not by what was moved: also planned on an empty table, this is a look-up by the whole key.
// What a transition does not need is left out: PostgreSQL prepares every part of a statement, also one that writes nothing.
const recordStatement = ({ fails, opens }: Parts) => `
  WITH moved AS (
    UPDATE saga_instance SET status = $4, data = coalesce($5::jsonb, data), step = $6::text, direction = $7,
      attempt = $8, pivot_started = $9, reason = $10::jsonb, version = version + 1, updated_at = clock_timestamp(),
      lease_owner = CASE WHEN $6::text IS NOT NULL AND (NOT $24::boolean OR $11::float8 IS NOT NULL) THEN lease_owner END,
      lease_until = CASE WHEN $6::text IS NULL THEN NULL WHEN NOT $24::boolean THEN lease_until
                         ELSE clock_timestamp() + $11::float8 * interval '1 ms' END,
      next_attempt_at = CASE WHEN $12::float8 IS NULL THEN next_attempt_at
                             ELSE clock_timestamp() + $12::float8 * interval '1 ms' END,
      ended_at = CASE WHEN $6::text IS NULL THEN clock_timestamp() END
    WHERE id = $1 AND ${FENCE}
    RETURNING id, data
  ), was AS (
    UPDATE saga_step s SET status = $13::text, attempts = $14::int, reply = coalesce($15::jsonb, reply),
      error_code = coalesce($16::text, error_code), error_message = coalesce($17::text, error_message),
      ended_at = CASE WHEN $13::text <> 'open' THEN clock_timestamp() END,
      due_at = clock_timestamp() + $20::float8 * interval '1 ms', sent = $21::boolean
    FROM moved WHERE s.saga_id = $1 AND s.step = $18::text AND s.branch = $22::text AND s.kind = $19::text AND s.epoch = $23
  )${fails ? TRIED : ''}${opens ? OPENED : ''}
  SELECT id FROM moved`;

const TRIED = `, tried AS (
    INSERT INTO saga_attempt (saga_id, step, branch, kind, attempt, error_code, error_message)
    SELECT id, $18::text, $22::text, $19::text, $14::int, $16::text, $17::text FROM moved
  )`;

const OPENED = `, opened AS (
    INSERT INTO saga_step ${OPENED_COLUMNS}
    SELECT moved.id, coalesce($6::text, ''), $7::text, ${openedValues('moved.data')} FROM moved, ${openingsFrom('$25')}
  )`;

interface Parts {
  /** An attempt has failed, and the step stays open. */
  readonly fails: boolean;
  readonly opens: boolean;
}

const statements = new Map<string, string>();

function statementFor(parts: Parts): string {
  const key = `${parts.fails} ${parts.opens}`;
  const sql = statements.get(key) ?? recordStatement(parts);
  statements.set(key, sql);
  return sql;
}

/** Writes a transition; `false` when the instance was changed or taken over since it was read. */
export async function recordStep(tx: Queryable, record: StepRecord): Promise<boolean> {
  const { was, next } = record;
  const opens = record.opens.length > 0;
  const sql = statementFor({ fails: was.status === 'open' && was.fault !== undefined, opens });
  const rows = await tx.query(sql, [
    record.id,
    record.epoch,
    record.version,
    record.status,
    record.dataJson ?? null,
    record.step ?? null,
    record.direction,
    record.attempt,
    record.pivotStarted,
    record.reasonJson ?? null,
    'leaseMs' in next ? next.leaseMs : null,
    'waitMs' in next ? next.waitMs : null,
    was.status,
    was.attempts,
    was.replyJson ?? null,
    was.fault?.code ?? null,
    was.fault?.message ?? null,
    was.step,
    was.direction,
    was.dueMs ?? null,
    was.sent,
    was.branch,
    was.epoch,
    record.held,
    ...(opens ? [storableJson(JSON.stringify(record.opens))] : []),
  ]);
  return rows.length === 1;
}

/** Replaces the data alone; `false` when the instance was changed since it was read, or has ended. */
export async function recordData(
  tx: Queryable,
  { id, version, epoch }: Pick<StepRecord, 'id' | 'version' | 'epoch'>,
  dataJson: string,
): Promise<boolean> {
  const rows = await tx.query(
    `UPDATE saga_instance SET data = $4::jsonb, version = version + 1, updated_at = clock_timestamp()
     WHERE id = $1 AND version = $2 AND lease_epoch = $3 AND ended_at IS NULL RETURNING id`,
    [id, version, epoch, dataJson],
  );
  return rows.length === 1;
}
