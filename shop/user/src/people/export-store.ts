import { isUuid } from '@flotilla/kernel';
import type { Database, Transaction } from '@flotilla/postgres';
import type { Exported, Person } from './data-holder.ts';

export interface PersonExport {
  readonly id: string;
  readonly status: 'running' | 'ready' | 'failed';
  readonly requestedAt: Date;
  /** By service. */
  readonly data: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export interface ExportStore {
  /** Returns whether it is a new one: of one person one runs at a time. */
  begin(tx: Transaction, id: string, person: Pick<Person, 'userId' | 'email'>): Promise<boolean>;
  /** Somebody else's is not found. */
  find(id: string, userId: string): Promise<PersonExport | undefined>;
  running(userId: string): Promise<PersonExport | undefined>;
  personOf(id: string): Promise<Person | undefined>;
  note(id: string, service: string, exported: Exported): Promise<void>;
  end(tx: Transaction, id: string, status: 'ready' | 'failed'): Promise<void>;
  /** Deletes what was collected longer ago. */
  forget(days: number): Promise<void>;
}

const BEGIN = `
  INSERT INTO person_export (id, user_id, email) VALUES ($1, $2, $3)
  ON CONFLICT (user_id) WHERE status = 'running' DO NOTHING RETURNING id`;

const SHOW = `
  SELECT e.id, e.status, e.requested_at, coalesce((
    SELECT json_object_agg(p.service, p.data ORDER BY p.service) FROM person_export_part p
    WHERE p.export_id = e.id AND e.status = 'ready'), '{}') AS data
  FROM person_export e WHERE e.user_id = $1`;

const NOTE = `
  WITH noted AS (
    INSERT INTO person_export_part (export_id, user_id, service, data)
    SELECT id, user_id, $2, $3::text::json FROM person_export WHERE id = $1
    ON CONFLICT (export_id, service) DO UPDATE SET data = excluded.data
  )
  UPDATE person_export SET order_ids = CASE WHEN cardinality($4::text[]) > 0 THEN $4 ELSE order_ids END WHERE id = $1`;

const FORGET = `
  WITH old AS (DELETE FROM person_export WHERE requested_at < now() - $1 * interval '1 day' RETURNING id)
  DELETE FROM person_export_part WHERE export_id IN (SELECT id FROM old)`;

interface ExportRow {
  readonly id: string;
  readonly status: PersonExport['status'];
  readonly requested_at: Date;
  readonly data: PersonExport['data'];
}

export function createExportStore(db: Database): ExportStore {
  return {
    begin: async (tx, id, { userId, email }) => {
      const begun = await tx.query(BEGIN, [id, userId, email]);
      return begun.length === 1;
    },
    find: async (id, userId) => {
      if (!isUuid(id)) return undefined;
      const [row] = await db.query<ExportRow>(`${SHOW} AND e.id = $2`, [userId, id]);
      return row && toExport(row);
    },
    running: async (userId) => {
      const [row] = await db.query<ExportRow>(`${SHOW} AND e.status = 'running'`, [userId]);
      return row && toExport(row);
    },
    personOf: async (id) => {
      const [row] = await db.query<{ user_id: string; email: string; order_ids: readonly string[] }>(
        'SELECT user_id, email, order_ids FROM person_export WHERE id = $1',
        [id],
      );
      return row && { userId: row.user_id, email: row.email, orderIds: row.order_ids };
    },
    note: async (id, service, { data, orderIds }) => {
      await db.query(NOTE, [id, service, JSON.stringify(data), orderIds]);
    },
    end: async (tx, id, status) => {
      await tx.query("UPDATE person_export SET status = $2 WHERE id = $1 AND status = 'running'", [
        id,
        status,
      ]);
    },
    forget: async (days) => {
      await db.query(FORGET, [days]);
    },
  };
}

function toExport({ requested_at: requestedAt, ...row }: ExportRow): PersonExport {
  return { ...row, requestedAt };
}
