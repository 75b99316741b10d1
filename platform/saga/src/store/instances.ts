import { type Queryable, storableJson, storableText } from '@flotilla/postgres';
import type { Closing, Direction, SagaReason, SagaStatus } from '../decide/state.ts';
import type { Via } from '../define/step.ts';

/** A row of the history that belongs to the open step. */
export interface OpenRow {
  readonly branch: string;
  readonly epoch: number;
  readonly via: Via;
  readonly status: 'open' | Closing;
  readonly attempts: number;
  readonly commandId: string;
  readonly dueInMs: number | null;
  readonly sent: boolean;
}

/** What a migration to another version changed. */
export interface Migrated {
  readonly renamed: Readonly<Record<string, string>>;
  readonly unstarted: readonly string[];
}

export interface InstanceRow {
  readonly id: string;
  readonly type: string;
  readonly def_version: number;
  readonly status: SagaStatus;
  readonly data: object;
  readonly step: string | null;
  readonly direction: Direction;
  readonly attempt: number;
  readonly pivot_started: boolean;
  readonly reason: SagaReason | null;
  readonly cancel_reason: string | null;
  readonly migrated: Migrated | null;
  readonly version: number;
  readonly lease_epoch: number;
  readonly lease_owner: string | null;
  readonly traceparent: string | null;
  readonly fair_key: string | null;
  readonly deadline_in_ms: number;
  readonly age_ms: number;
  readonly open: readonly OpenRow[] | null;
}

/** Everything an instance is worked on with; the table is `i`. */
export const INSTANCE_COLUMNS = `i.id, i.type, i.def_version, i.status, i.data, i.step, i.direction, i.attempt,
  i.pivot_started, i.reason, i.cancel_reason, i.migrated, i.version, i.lease_epoch, i.lease_owner, i.traceparent,
  i.fair_key,
  (extract(epoch FROM i.deadline_at - clock_timestamp()) * 1000)::float8 AS deadline_in_ms,
  (extract(epoch FROM clock_timestamp() - i.started_at) * 1000)::float8 AS age_ms,
  (SELECT jsonb_agg(jsonb_build_object('branch', s.branch, 'epoch', s.epoch, 'via', s.via, 'status', s.status,
      'attempts', s.attempts, 'commandId', s.command_id, 'sent', s.sent,
      'dueInMs', extract(epoch FROM s.due_at - clock_timestamp()) * 1000) ORDER BY s.seq)
   FROM saga_step s WHERE s.saga_id = i.id AND s.step = i.step AND s.kind = i.direction) AS open`;

/** Reads an instance as it stands; whoever holds it. */
export async function readInstance(db: Queryable, id: string): Promise<InstanceRow | undefined> {
  const [row] = await db.query<InstanceRow>(
    `SELECT ${INSTANCE_COLUMNS} FROM saga_instance i WHERE i.id = $1`,
    [id],
  );
  return row;
}

/** Reads an instance if it is still held under this epoch. */
export async function readHeld(db: Queryable, id: string, epoch: number): Promise<InstanceRow | undefined> {
  const [row] = await db.query<InstanceRow>(
    `SELECT ${INSTANCE_COLUMNS} FROM saga_instance i
     WHERE i.id = $1 AND i.lease_epoch = $2 AND i.lease_owner IS NOT NULL`,
    [id, epoch],
  );
  return row;
}

/** A step that is opened, as it is written. */
export interface OpeningRow {
  readonly branch: string;
  readonly epoch: number;
  readonly via: Via;
  readonly command_id: string;
  /** `undefined`: at once. */
  readonly due_ms?: number;
  readonly sent: boolean;
  readonly request?: unknown;
}

export interface NewInstance {
  readonly id: string;
  readonly type: string;
  readonly defVersion: number;
  readonly dataJson: string;
  readonly step: string;
  readonly pivotStarted: boolean;
  readonly deadlineMs: number;
  readonly traceparent: string;
  readonly opens: readonly OpeningRow[];
  readonly nextInMs: number;
  readonly fairKey: string | undefined;
  /** Leased from birth to the engine that started it. */
  readonly lease: { readonly owner: string; readonly leaseMs: number } | undefined;
}

/** The columns of `saga_step` that an opening fills, from a JSON array of `OpeningRow` in the given parameter. */
export function openingsFrom(parameter: string): string {
  return `jsonb_to_recordset(${parameter}::jsonb) AS o
    (branch text, epoch int, via text, command_id uuid, due_ms float8, sent boolean, request jsonb)`;
}

export const OPENED_COLUMNS = '(saga_id, step, kind, branch, epoch, via, command_id, due_at, sent, request)';

/** What goes into them, given the data the step is opened with. */
export function openedValues(data: string): string {
  return `o.branch, o.epoch, o.via, o.command_id, clock_timestamp() + o.due_ms * interval '1 ms', o.sent,
    CASE WHEN o.via = 'call' THEN jsonb_build_object('dataMd5', md5(${data}::text)) ELSE o.request END`;
}

const INSERT = `
  WITH started AS (
    INSERT INTO saga_instance (id, type, def_version, status, data, step, pivot_started, deadline_at,
                               traceparent, lease_owner, lease_until, lease_epoch, next_attempt_at, fair_key)
    VALUES ($1, $2, $3, 'running', $4, $5, $6, clock_timestamp() + $7 * interval '1 ms', $8, $9,
            clock_timestamp() + $10 * interval '1 ms', CASE WHEN $9::text IS NULL THEN 0 ELSE 1 END,
            clock_timestamp() + $12::float8 * interval '1 ms', $13)
    ON CONFLICT DO NOTHING RETURNING id, data
  )
  INSERT INTO saga_step ${OPENED_COLUMNS}
  SELECT started.id, $5, 'do', ${openedValues('started.data')} FROM started, ${openingsFrom('$11')}
  RETURNING saga_id`;

/** Inserts an instance with its first step open; `false` when its id is taken. */
export async function insertInstance(tx: Queryable, instance: NewInstance): Promise<boolean> {
  const rows = await tx.query(INSERT, [
    instance.id,
    instance.type,
    instance.defVersion,
    instance.dataJson,
    instance.step,
    instance.pivotStarted,
    instance.deadlineMs,
    instance.traceparent,
    instance.lease?.owner ?? null,
    instance.lease?.leaseMs ?? null,
    storableJson(JSON.stringify(instance.opens)),
    instance.nextInMs,
    instance.fairKey ?? null,
  ]);
  return rows.length > 0;
}

/** Gives an instance its correlation keys; those that are taken by another one are left out of the answer. */
export async function insertKeys(
  tx: Queryable,
  id: string,
  type: string,
  keys: readonly string[],
): Promise<number> {
  const rows = await tx.query(
    `INSERT INTO saga_key (type, key, saga_id) SELECT $1, key, $2 FROM unnest($3::text[]) AS key
     ON CONFLICT DO NOTHING RETURNING key`,
    [type, id, keys.map((key) => storableText(key))],
  );
  return rows.length;
}
