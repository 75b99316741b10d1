import type { Database } from '@flotilla/postgres';
import type { MovedContent } from './domain/moved-order.ts';
import type { Cancellation } from './legacy-orders.ts';

/** Orders of the monolith that were taken over, or are being. Each operation is a statement and may be repeated. */
export interface MovedOrderStore {
  /** An order of this customer that is decided here. */
  find(number: number, customerId: string): Promise<MovedOrder | undefined>;
  /** Copies what was read; a copy that is decided here already, or a later one, is left alone. */
  stage(copy: Copy): Promise<void>;
  /** The monolith has let go of the order as it was copied. Resolves with whether it is decided here. */
  activate(number: number, sourceVersion: number): Promise<boolean>;
  /** Decides that it will be cancelled; once, by whoever is first. */
  beginCancelling(number: number, cancellation: Cancellation): Promise<void>;
  endCancelling(number: number, content: MovedContent): Promise<void>;
  /** Not yet decided here, or not yet told to the monolith: what a process that died has left. */
  underWay(): Promise<readonly MovedOrder[]>;
  /** By number, a page after this one. */
  list(after: number): Promise<readonly MovedOrder[]>;
}

export interface Copy {
  readonly number: number;
  readonly customerId: string;
  readonly sourceVersion: number;
  readonly content: MovedContent;
}

export interface MovedOrder extends Copy {
  readonly stage: 'staged' | 'live' | 'cancelling';
  readonly cancellation?: Cancellation;
}

interface Row extends Record<string, unknown> {
  readonly number: number;
  readonly customer_id: string;
  readonly source_version: number;
  readonly stage: MovedOrder['stage'];
  readonly content: MovedContent;
  readonly cancelled_at: Date | null;
  readonly cancel_reason: string | null;
}

const STAGE = `
  INSERT INTO moved_order (number, customer_id, source_version, stage, content) VALUES ($1, $2, $3, 'staged', $4)
  ON CONFLICT (number) DO UPDATE SET source_version = $3, content = $4
    WHERE moved_order.stage = 'staged' AND moved_order.source_version <= $3`;

const PAGE = 100;

export function createMovedOrderStore(db: Database): MovedOrderStore {
  return {
    find: async (number, customerId) => {
      const sql = "SELECT * FROM moved_order WHERE number = $1 AND customer_id = $2 AND stage <> 'staged'";
      const [row] = await db.query<Row>(sql, [number, customerId]);
      return row && toMovedOrder(row);
    },
    stage: async ({ number, customerId, sourceVersion, content }) => {
      await db.query(STAGE, [number, customerId, sourceVersion, JSON.stringify(content)]);
    },
    activate: async (number, sourceVersion) => {
      const sql = `UPDATE moved_order SET stage = CASE stage WHEN 'staged' THEN 'live' ELSE stage END
        WHERE number = $1 AND (stage <> 'staged' OR source_version = $2) RETURNING stage`;
      return (await db.query(sql, [number, sourceVersion])).length > 0;
    },
    beginCancelling: async (number, { at, reason }) => {
      const sql = `UPDATE moved_order SET stage = 'cancelling', cancelled_at = $2, cancel_reason = $3
        WHERE number = $1 AND stage = 'live' AND cancelled_at IS NULL`;
      await db.query(sql, [number, at, reason]);
    },
    endCancelling: async (number, content) => {
      const sql =
        "UPDATE moved_order SET stage = 'live', content = $2 WHERE number = $1 AND stage = 'cancelling'";
      await db.query(sql, [number, JSON.stringify(content)]);
    },
    underWay: async () => {
      const rows = await db.query<Row>(
        "SELECT * FROM moved_order WHERE stage <> 'live' ORDER BY number LIMIT 100",
      );
      return rows.map(toMovedOrder);
    },
    list: async (after) => {
      const sql = `SELECT * FROM moved_order WHERE number > $1 ORDER BY number LIMIT ${PAGE}`;
      return (await db.query<Row>(sql, [after])).map(toMovedOrder);
    },
  };
}

function toMovedOrder(row: Row): MovedOrder {
  const { number, customer_id: customerId, source_version: sourceVersion, stage, content } = row;
  const { cancelled_at: at, cancel_reason: reason } = row;
  return {
    ...{ number, customerId, sourceVersion, stage, content },
    ...(at !== null && reason !== null && { cancellation: { at, reason } }),
  };
}
