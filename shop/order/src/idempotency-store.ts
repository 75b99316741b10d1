import type { Database, Queryable, Transaction } from '@flotilla/postgres';
import type { OrderResponse, Refusal } from './order-response.ts';
import type { OrderView } from './order-view.ts';

export interface IdempotencyRecord {
  readonly orderId: string;
  readonly requestHash: string;
  /** Absent while the first request is still being answered. */
  readonly response?: OrderResponse;
}

/** Keys of one customer never meet those of another. */
export interface IdempotencyStore {
  find(customerId: string, key: string): Promise<IdempotencyRecord | undefined>;
  /**
   * Takes the key for an order in the order's own transaction; false when somebody has it already.
   * A concurrent twin waits here until the first transaction has ended.
   */
  claim(tx: Transaction, claim: KeyClaim): Promise<boolean>;
  /** Records the answer unless there is one; returns the one that counts. */
  record(customerId: string, key: string, response: OrderResponse): Promise<OrderResponse>;
  /** Forgets keys older than `days` whose order has ended, answered or not. */
  prune(days: number): Promise<void>;
}

export interface KeyClaim {
  readonly customerId: string;
  readonly key: string;
  readonly requestHash: string;
  readonly orderId: string;
  readonly response?: OrderResponse;
}

/** A row names the kind by a number, whatever status a client is sent today: rows outlive releases. */
const STORED = { confirmed: 201, underway: 202, refused: 422 } as const;

type StoredResponse =
  | { readonly status: 201 | 202; readonly order: OrderView }
  | { readonly status: 422; readonly refusal: Refusal };

const BATCH = 5_000;

export function createIdempotencyStore(db: Database): IdempotencyStore {
  return {
    find: (customerId, key) => findRecord(db, customerId, key),
    claim: async (tx, claim) => {
      const taken = await tx.query(
        `INSERT INTO idempotency_key (customer_id, key, request_hash, order_id, response)
         VALUES ($1, $2, $3, $4, $5::text::json) ON CONFLICT DO NOTHING RETURNING key`,
        [
          claim.customerId,
          claim.key,
          claim.requestHash,
          claim.orderId,
          claim.response ? JSON.stringify(toStored(claim.response)) : null,
        ],
      );
      return taken.length === 1;
    },
    record: async (customerId, key, response) => {
      const [recorded] = await db.query<{ response: StoredResponse }>(
        `UPDATE idempotency_key SET response = COALESCE(response, $3::text::json)
         WHERE customer_id = $1 AND key = $2 RETURNING response`,
        [customerId, key, JSON.stringify(toStored(response))],
      );
      return recorded ? fromStored(recorded.response) : response;
    },
    prune: async (days) => {
      // In batches, so that no statement holds locks for long.
      for (let forgotten = BATCH; forgotten === BATCH; ) {
        const rows = await db.query(
          `DELETE FROM idempotency_key WHERE (customer_id, key) IN (
             SELECT k.customer_id, k.key FROM idempotency_key k
             WHERE k.created_at < now() - make_interval(days => $1) AND NOT EXISTS (
               SELECT FROM order_view o WHERE o.id = k.order_id AND o.status NOT IN ('Confirmed', 'Cancelled'))
             LIMIT $2) RETURNING key`,
          [days, BATCH],
        );
        forgotten = rows.length;
      }
    },
  };
}

async function findRecord(
  db: Queryable,
  customerId: string,
  key: string,
): Promise<IdempotencyRecord | undefined> {
  const [row] = await db.query<{ order_id: string; request_hash: string; response: StoredResponse | null }>(
    'SELECT order_id, request_hash, response FROM idempotency_key WHERE customer_id = $1 AND key = $2',
    [customerId, key],
  );
  if (!row) return undefined;
  return {
    orderId: row.order_id,
    requestHash: row.request_hash,
    ...(row.response !== null && { response: fromStored(row.response) }),
  };
}

function toStored(response: OrderResponse): StoredResponse {
  if (response.kind === 'refused') return { status: STORED.refused, refusal: response.refusal };
  return { status: STORED[response.kind], order: response.order };
}

function fromStored(stored: StoredResponse): OrderResponse {
  if (stored.status === STORED.refused) return { kind: 'refused', refusal: stored.refusal };
  return { kind: stored.status === STORED.confirmed ? 'confirmed' : 'underway', order: stored.order };
}
