import type { Transaction } from '@flotilla/postgres';
import { hasEnded, type OrderProcess, type Report, type Stage } from './domain/order-process.ts';

/** Where the processes of orders are kept that run by events. Everything happens in the caller's transaction. */
export interface ProcessStore<Data extends object> {
  begin(
    tx: Transaction,
    orderId: string,
    process: OrderProcess,
    data: Data,
    deadlineMs: number,
  ): Promise<void>;
  /** Locked until the transaction ends; `undefined` for an order that does not run by events. */
  lock(tx: Transaction, orderId: string): Promise<StoredProcess<Data> | undefined>;
  /** Locks an order that has passed its deadline, by the database's clock, and may be cancelled; none of `except`. */
  lockOverdue(tx: Transaction, except: readonly string[]): Promise<StoredProcess<Data> | undefined>;
  /**
   * Locks an order that is to be looked at, none of `except`, and says for how long it has heard nothing. It is looked at
   * again when it has waited twice as long, after 30 s at least and an hour at most.
   */
  takeStandingStill(tx: Transaction, except: readonly string[]): Promise<StandingStill<Data> | undefined>;
  /** The data of an ended process is forgotten. */
  save(tx: Transaction, orderId: string, process: OrderProcess): Promise<void>;
}

export interface StoredProcess<Data> {
  readonly orderId: string;
  readonly process: OrderProcess;
  /** Absent once the process has ended. */
  readonly data?: Data;
}

export interface StandingStill<Data> extends StoredProcess<Data> {
  readonly silentSeconds: number;
}

export function createProcessStore<Data extends object>(): ProcessStore<Data> {
  return {
    begin: async (tx, orderId, { stage, hasCoupon }, data, deadlineMs) => {
      await tx.query(
        `INSERT INTO order_process (order_id, stage, has_coupon, data, deadline_at)
         VALUES ($1, $2, $3, $4, clock_timestamp() + $5 * interval '1 millisecond')`,
        [orderId, stage, hasCoupon, data, deadlineMs],
      );
    },
    lock: async (tx, orderId) => {
      const [row] = await tx.query<ProcessRow<Data>>(`${SELECT} WHERE order_id = $1 FOR UPDATE`, [orderId]);
      return row && toProcess(row);
    },
    lockOverdue: async (tx, except) => {
      const [row] = await tx.query<ProcessRow<Data>>(
        `${SELECT} WHERE stage = 'open' AND deadline_at <= clock_timestamp() AND order_id <> ALL ($1::uuid[])
         ORDER BY deadline_at LIMIT 1 FOR UPDATE SKIP LOCKED`,
        [except],
      );
      return row && toProcess(row);
    },
    takeStandingStill: async (tx, except) => {
      const [row] = await tx.query<ProcessRow<Data> & { readonly silent_seconds: number }>(
        TAKE_STANDING_STILL,
        [except],
      );
      return row && { ...toProcess(row), silentSeconds: row.silent_seconds };
    },
    save: async (tx, orderId, process) => {
      await tx.query(
        `UPDATE order_process SET stage = $2, reports = $3, reason = $4, data = CASE WHEN $5 THEN NULL ELSE data END,
           updated_at = clock_timestamp()
         WHERE order_id = $1`,
        [orderId, process.stage, process.reports, process.reason ?? null, hasEnded(process)],
      );
    },
  };
}

const SELECT = 'SELECT order_id, stage, reports, has_coupon, reason, data FROM order_process';

// An order that has heard something meanwhile is only looked at later.
const TAKE_STANDING_STILL = `
  WITH looked_at AS (
    SELECT order_id, extract(epoch FROM clock_timestamp() - updated_at) AS silent FROM order_process
    WHERE stage IN ('open', 'shipping', 'cancelling') AND ask_at <= clock_timestamp() AND order_id <> ALL ($1::uuid[])
    ORDER BY ask_at LIMIT 1 FOR UPDATE SKIP LOCKED
  )
  UPDATE order_process p
  SET ask_at = clock_timestamp() + interval '1 second' *
    CASE WHEN silent < 30 THEN 30 - silent ELSE least(silent, 3600) END
  FROM looked_at WHERE p.order_id = looked_at.order_id
  RETURNING p.order_id, p.stage, p.reports, p.has_coupon, p.reason, p.data, floor(silent)::integer AS silent_seconds`;

interface ProcessRow<Data> {
  readonly order_id: string;
  readonly stage: Stage;
  readonly reports: readonly Report[];
  readonly has_coupon: boolean;
  readonly reason: string | null;
  readonly data: Data | null;
}

function toProcess<Data>(row: ProcessRow<Data>): StoredProcess<Data> {
  const { order_id: orderId, stage, reports, has_coupon: hasCoupon, reason, data } = row;
  return {
    orderId,
    process: { stage, reports, hasCoupon, ...(reason !== null && { reason }) },
    ...(data !== null && { data }),
  };
}
