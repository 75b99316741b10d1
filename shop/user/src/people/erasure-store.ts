import type { Database, Transaction } from '@flotilla/postgres';
import type { ErasureReport, Kept, Person } from './data-holder.ts';

export interface Erasure {
  readonly id: string;
  readonly status: 'running' | 'done' | 'refused';
  readonly reason: string | null;
  readonly requestedAt: Date;
  readonly endedAt: Date | null;
  readonly services: readonly (ErasureReport & { readonly service: string })[];
}

export interface ErasureStore {
  /** Returns whether it is a new one: of one person there is one, unless it was refused. */
  begin(tx: Transaction, id: string, person: Pick<Person, 'userId' | 'email'>): Promise<boolean>;
  find(id: string): Promise<Erasure | undefined>;
  /** That of a person which runs or is done. */
  ofPerson(userId: string): Promise<Erasure | undefined>;
  personOf(id: string): Promise<Person | undefined>;
  /** What a service has answered; the last answer counts. */
  note(id: string, service: string, report: ErasureReport, orderIds: readonly string[]): Promise<void>;
  end(tx: Transaction, id: string, refusal?: string): Promise<void>;
}

const BEGIN = `
  INSERT INTO erasure (id, user_id, email) VALUES ($1, $2, $3)
  ON CONFLICT (user_id) WHERE status <> 'refused' DO NOTHING RETURNING id`;

const SHOW = `
  SELECT e.id, e.status, e.reason, e.requested_at, e.ended_at, coalesce((
    SELECT json_agg(json_build_object('service', p.service, 'erased', p.erased, 'kept', p.kept) ORDER BY p.number)
    FROM erasure_part p WHERE p.erasure_id = e.id), '[]') AS services
  FROM erasure e`;

const NOTE = `
  WITH noted AS (
    INSERT INTO erasure_part (erasure_id, service, erased, kept) VALUES ($1, $2, $3, $4::text::jsonb)
    ON CONFLICT (erasure_id, service) DO UPDATE SET erased = excluded.erased, kept = excluded.kept
  )
  UPDATE erasure SET order_ids = CASE WHEN cardinality($5::text[]) > 0 THEN $5 ELSE order_ids END
  WHERE id = $1 AND status = 'running'`;

const END = `
  UPDATE erasure SET status = CASE WHEN $2::text IS NULL THEN 'done' ELSE 'refused' END, reason = $2,
    ended_at = clock_timestamp(), email = NULL, order_ids = '{}'
  WHERE id = $1 AND status = 'running'`;

interface ErasureRow {
  readonly id: string;
  readonly status: Erasure['status'];
  readonly reason: string | null;
  readonly requested_at: Date;
  readonly ended_at: Date | null;
  readonly services: readonly {
    readonly service: string;
    readonly erased: readonly string[];
    readonly kept: readonly Kept[];
  }[];
}

export function createErasureStore(db: Database): ErasureStore {
  const show = async (where: string, value: string) => {
    const [row] = await db.query<ErasureRow>(`${SHOW} WHERE ${where}`, [value]);
    return row && toErasure(row);
  };
  return {
    begin: async (tx, id, { userId, email }) => {
      const begun = await tx.query(BEGIN, [id, userId, email]);
      return begun.length === 1;
    },
    find: (id) => show('e.id = $1', id),
    ofPerson: (userId) => show("e.user_id = $1 AND e.status <> 'refused'", userId),
    personOf: async (id) => {
      const [row] = await db.query<{ user_id: string; email: string | null; order_ids: readonly string[] }>(
        'SELECT user_id, email, order_ids FROM erasure WHERE id = $1',
        [id],
      );
      return row && { userId: row.user_id, email: row.email ?? '', orderIds: row.order_ids };
    },
    note: async (id, service, { erased, kept }, orderIds) => {
      await db.query(NOTE, [id, service, erased, JSON.stringify(kept), orderIds]);
    },
    end: async (tx, id, refusal) => {
      await tx.query(END, [id, refusal ?? null]);
    },
  };
}

function toErasure({ requested_at: requestedAt, ended_at: endedAt, ...row }: ErasureRow): Erasure {
  return { ...row, requestedAt, endedAt };
}
