import type { Queryable } from '@flotilla/postgres';
import type { Fault } from './errors.ts';
import type { Direction, SagaReason, SagaStatus } from './transition.ts';

/** An instance as it is read under a lease. */
export interface InstanceRow {
  readonly id: string;
  readonly type: string;
  readonly def_version: number;
  readonly status: SagaStatus;
  readonly data: object;
  readonly step: string | null;
  readonly direction: Direction;
  readonly attempt: number;
  readonly reason: SagaReason | null;
  readonly cancel_reason: string | null;
  readonly version: number;
  readonly lease_epoch: number;
  readonly traceparent: string | null;
  readonly deadline_in_ms: number;
  readonly age_ms: number;
}

const COLUMNS = `i.id, i.type, i.def_version, i.status, i.data, i.step, i.direction, i.attempt, i.reason,
  i.cancel_reason, i.version, i.lease_epoch, i.traceparent,
  (extract(epoch FROM i.deadline_at - clock_timestamp()) * 1000)::float8 AS deadline_in_ms,
  (extract(epoch FROM clock_timestamp() - i.started_at) * 1000)::float8 AS age_ms`;

export interface NewInstance {
  readonly id: string;
  readonly type: string;
  readonly defVersion: number;
  readonly dataJson: string;
  readonly correlationKey: string | undefined;
  readonly step: string;
  readonly commandId: string;
  readonly pivotStarted: boolean;
  readonly deadlineMs: number;
  readonly traceparent: string;
  /** Leased from birth to the engine that started it. */
  readonly lease: { readonly owner: string; readonly leaseMs: number } | undefined;
}

const INSERT = `
  WITH started AS (
    INSERT INTO saga_instance (id, type, def_version, status, data, correlation_key, step, pivot_started,
                               deadline_at, traceparent, lease_owner, lease_until, lease_epoch)
    VALUES ($1, $2, $3, 'running', $4, $5, $6, $7, clock_timestamp() + $8 * interval '1 ms', $9, $10,
            clock_timestamp() + $11 * interval '1 ms', CASE WHEN $10::text IS NULL THEN 0 ELSE 1 END)
    ON CONFLICT DO NOTHING RETURNING id
  )
  INSERT INTO saga_step (saga_id, step, kind, command_id) SELECT id, $6, 'do', $12 FROM started
  RETURNING saga_id`;

/** Inserts an instance with its first step open; `false` when its id or correlation key is taken. */
export async function insertInstance(tx: Queryable, instance: NewInstance): Promise<boolean> {
  const rows = await tx.query(INSERT, [
    instance.id,
    instance.type,
    instance.defVersion,
    instance.dataJson,
    instance.correlationKey ?? null,
    instance.step,
    instance.pivotStarted,
    instance.deadlineMs,
    instance.traceparent,
    instance.lease?.owner ?? null,
    instance.lease?.leaseMs ?? null,
    instance.commandId,
  ]);
  return rows.length === 1;
}

// A lease that ran out means that its holder may have made the call: the attempt counts.
const CLAIM = `
  WITH due AS (
    SELECT id FROM saga_instance
    WHERE ended_at IS NULL AND next_attempt_at <= now() AND (lease_until IS NULL OR lease_until < now())
      AND (type, def_version) IN (SELECT known.type, known.version FROM unnest($1::text[], $2::int[])
                                  AS known (type, version))
    ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED
  )
  UPDATE saga_instance i SET lease_owner = $4, lease_until = clock_timestamp() + $5 * interval '1 ms',
    lease_epoch = i.lease_epoch + 1, attempt = i.attempt + (i.lease_owner IS NOT NULL)::int
  FROM due WHERE i.id = due.id
  RETURNING ${COLUMNS}`;

export interface ClaimRequest {
  readonly known: readonly { readonly type: string; readonly version: number }[];
  readonly limit: number;
  readonly owner: string;
  readonly leaseMs: number;
}

/** Leases due instances of the known definitions, the longest waiting first. */
export async function claimDue(db: Queryable, request: ClaimRequest): Promise<InstanceRow[]> {
  const { known, limit, owner, leaseMs } = request;
  const types = known.map((definition) => definition.type);
  const versions = known.map((definition) => definition.version);
  return await db.query<InstanceRow>(CLAIM, [types, versions, limit, owner, leaseMs]);
}

/** An owner is the instance id and 37 characters that differ in each life of its process. */
const FREE_PREVIOUS_LIFE = `
  UPDATE saga_instance SET lease_owner = NULL, lease_until = NULL, lease_epoch = lease_epoch + 1,
    attempt = attempt + 1
  WHERE ended_at IS NULL AND left(lease_owner, -37) = $1 AND lease_owner <> $2
  RETURNING id`;

/** Frees what an earlier life of this process held, so that it need not wait for its lease to run out. */
export async function freePreviousLife(db: Queryable, instanceId: string, owner: string): Promise<number> {
  return (await db.query(FREE_PREVIOUS_LIFE, [instanceId, owner])).length;
}

/** Reads an instance if it is still held under this epoch. */
export async function reloadHeld(db: Queryable, id: string, epoch: number): Promise<InstanceRow | undefined> {
  const sql = `SELECT ${COLUMNS} FROM saga_instance i WHERE i.id = $1 AND i.lease_epoch = $2 AND i.lease_owner IS NOT NULL`;
  const [row] = await db.query<InstanceRow>(sql, [id, epoch]);
  return row;
}

export interface Held {
  readonly id: string;
  readonly epoch: number;
}

// Rows that somebody has locked are passed over: one hanging cancellation must not cost all other leases.
const RENEW = `
  WITH mine AS (
    SELECT i.id FROM saga_instance i JOIN unnest($1::uuid[], $2::int[]) AS held (id, epoch)
      ON i.id = held.id AND i.lease_epoch = held.epoch AND i.lease_owner IS NOT NULL
  ), unlocked AS (
    SELECT id FROM saga_instance WHERE id IN (SELECT id FROM mine) FOR UPDATE SKIP LOCKED
  ), renewed AS (
    UPDATE saga_instance i SET lease_until = clock_timestamp() + $3 * interval '1 ms'
    FROM unnest($1::uuid[], $2::int[]) AS held (id, epoch)
    WHERE i.id = held.id AND i.lease_epoch = held.epoch AND i.lease_owner IS NOT NULL
      AND i.id IN (SELECT id FROM unlocked)
    RETURNING i.id
  )
  SELECT mine.id, renewed.id IS NOT NULL AS renewed FROM mine LEFT JOIN renewed USING (id)`;

/** Renews leases. Tells of each id that is still held whether it was renewed; an id it does not tell of is lost. */
export async function renewLeases(
  db: Queryable,
  held: readonly Held[],
  leaseMs: number,
): Promise<ReadonlyMap<string, boolean>> {
  const ids = held.map(({ id }) => id);
  const epochs = held.map(({ epoch }) => epoch);
  const rows = await db.query<{ id: string; renewed: boolean }>(RENEW, [ids, epochs, leaseMs]);
  return new Map(rows.map(({ id, renewed }) => [id, renewed]));
}

/** Gives instances back, due at once. */
export async function releaseLeases(
  db: Queryable,
  held: readonly Held[],
  called: 'called' | 'not-called',
): Promise<void> {
  const sql = `
    UPDATE saga_instance i SET lease_owner = NULL, lease_until = NULL, attempt = i.attempt + $3
    FROM unnest($1::uuid[], $2::int[]) AS held (id, epoch)
    WHERE i.id = held.id AND i.lease_epoch = held.epoch AND i.ended_at IS NULL`;
  const ids = held.map(({ id }) => id);
  const epochs = held.map(({ epoch }) => epoch);
  await db.query(sql, [ids, epochs, called === 'called' ? 1 : 0]);
}

/** One transition of an instance, as it is written. */
export interface StepRecord extends Held {
  readonly version: number;
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
    readonly direction: Direction;
    readonly status: 'open' | 'done' | 'rejected' | 'unknown';
    readonly attempts: number;
    readonly replyJson: string | undefined;
    readonly fault: Fault | undefined;
  };
  /** Command id of the step that this opens. */
  readonly opens: string | undefined;
}

const RECORD = `
  WITH moved AS (
    UPDATE saga_instance SET status = $4, data = coalesce($5::jsonb, data), step = $6, direction = $7,
      attempt = $8, pivot_started = $9, reason = $10::jsonb, version = version + 1, updated_at = clock_timestamp(),
      lease_owner = CASE WHEN $11::float8 IS NOT NULL THEN lease_owner END,
      lease_until = clock_timestamp() + $11::float8 * interval '1 ms',
      next_attempt_at = CASE WHEN $12::float8 IS NULL THEN next_attempt_at
                             ELSE clock_timestamp() + $12::float8 * interval '1 ms' END,
      ended_at = CASE WHEN $6::text IS NULL THEN clock_timestamp() END
    WHERE id = $1 AND lease_epoch = $2 AND version = $3 AND lease_owner IS NOT NULL
    RETURNING id
  ), was AS (
    UPDATE saga_step s SET status = $13, attempts = $14, reply = $15::jsonb,
      error_code = coalesce($16, error_code), error_message = coalesce($17, error_message),
      ended_at = CASE WHEN $13 <> 'open' THEN clock_timestamp() END
    FROM moved WHERE s.saga_id = moved.id AND s.step = $18 AND s.branch = '' AND s.kind = $19 AND s.epoch = 1
  ), opened AS (
    INSERT INTO saga_step (saga_id, step, kind, command_id)
    SELECT id, $6, $7, $20::uuid FROM moved WHERE $20::uuid IS NOT NULL
  )
  SELECT id FROM moved`;

/** Writes a transition; `false` when the instance was changed or taken over since it was read. */
export async function recordStep(tx: Queryable, record: StepRecord): Promise<boolean> {
  const { was, next } = record;
  const rows = await tx.query(RECORD, [
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
    record.opens ?? null,
  ]);
  return rows.length === 1;
}
