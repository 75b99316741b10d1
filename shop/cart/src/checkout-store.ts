import type { Database, Transaction } from '@flotilla/postgres';
import type { CartItem, CartStore } from './cart-store.ts';

/** How the order of a checkout ended. */
type CheckoutEnd = 'confirmed' | 'cancelled';

/** Checkouts by customer and Idempotency-Key. */
export interface CheckoutStore {
  /**
   * The items to order under this key: those of the first request with it, otherwise the cart as it is now,
   * which is recorded. Empty when there is nothing to order.
   */
  begin(customerId: string, key: string): Promise<readonly CartItem[]>;
  /** The order service took nothing, so the next request with this key may order the cart anew. */
  refuse(customerId: string, key: string): Promise<void>;
  /** Records the end; `false` when there is no such checkout or it has ended already. */
  end(tx: Transaction, customerId: string, key: string, end: CheckoutEnd): Promise<boolean>;
  /** Forgets checkouts older than this. */
  forget(days: number): Promise<void>;
}

const FIND = `
  SELECT items FROM checkout WHERE customer_id = $1 AND idempotency_key = $2 AND state <> 'refused'`;

const RECORD = `
  INSERT INTO checkout AS c (customer_id, idempotency_key, items) VALUES ($1, $2, $3::jsonb)
  ON CONFLICT (customer_id, idempotency_key) DO UPDATE SET
    items = CASE c.state WHEN 'refused' THEN excluded.items ELSE c.items END,
    state = CASE c.state WHEN 'refused' THEN 'open' ELSE c.state END
  RETURNING items`;

const REFUSE = `
  UPDATE checkout SET state = 'refused' WHERE customer_id = $1 AND idempotency_key = $2 AND state = 'open'`;

const END = `
  UPDATE checkout SET state = $3, ended_at = now()
  WHERE customer_id = $1 AND idempotency_key = $2 AND state IN ('open', 'refused') RETURNING state`;

export function createCheckoutStore(db: Database, carts: CartStore): CheckoutStore {
  return {
    begin: (customerId, key) =>
      db.transaction(async (tx) => {
        // The lock comes first: whoever waited here for a twin must see what the twin recorded.
        const items = await carts.lockItems(tx, customerId);
        const [known] = await tx.query<CheckoutRow>(FIND, [customerId, key]);
        if (known) return known.items;
        if (items.length === 0) return [];
        const [recorded] = await tx.query<CheckoutRow>(RECORD, [customerId, key, JSON.stringify(items)]);
        return recorded?.items ?? [];
      }),
    refuse: async (customerId, key) => {
      await db.query(REFUSE, [customerId, key]);
    },
    end: async (tx, customerId, key, end) => {
      const ended = await tx.query(END, [customerId, key, end]);
      return ended.length === 1;
    },
    forget: async (days) => {
      await db.query("DELETE FROM checkout WHERE created_at < now() - $1 * interval '1 day'", [days]);
    },
  };
}

interface CheckoutRow {
  readonly items: readonly CartItem[];
}
