import type { Database, Transaction } from '@flotilla/postgres';

/** What is known of single people: which shopper of the log they are, and what they have looked at. */
export interface ShopperStore {
  /** The alias of a customer, `fresh` if it is the first; `undefined` of one who was erased. */
  aliasOf(tx: Transaction, customerId: string, fresh: string): Promise<string | undefined>;
  viewed(customerId: string, limit: number): Promise<readonly string[]>;
  noteViewed(customerId: string, productId: string): Promise<void>;
  forgetViewed(customerId: string): Promise<void>;
}

const ALIAS = `
  INSERT INTO shopper AS s (customer_id, alias) VALUES ($1, $2)
  ON CONFLICT (customer_id) DO UPDATE SET alias = s.alias RETURNING alias`;

/** Older ones are forgotten: a list that nobody scrolls through, and nobody's diary. */
const KEPT_VIEWS = 100;

const NOTE_VIEWED = `
  WITH noted AS (
    INSERT INTO viewed (customer_id, product_id) VALUES ($1, $2)
    ON CONFLICT (customer_id, product_id) DO UPDATE SET viewed_at = clock_timestamp()
  )
  DELETE FROM viewed WHERE customer_id = $1 AND product_id IN (
    SELECT product_id FROM viewed WHERE customer_id = $1 AND product_id <> $2
    ORDER BY viewed_at DESC OFFSET ${KEPT_VIEWS - 1})`;

const VIEWED = 'SELECT product_id FROM viewed WHERE customer_id = $1 ORDER BY viewed_at DESC LIMIT $2';

export function createShopperStore(db: Database): ShopperStore {
  return {
    aliasOf: async (tx, customerId, fresh) => {
      const [row] = await tx.query<{ readonly alias: string | null }>(ALIAS, [customerId, fresh]);
      return row?.alias ?? undefined;
    },
    viewed: async (customerId, limit) => {
      const rows = await db.query<{ readonly product_id: string }>(VIEWED, [customerId, limit]);
      return rows.map((row) => row.product_id);
    },
    noteViewed: async (customerId, productId) => {
      await db.query(NOTE_VIEWED, [customerId, productId]);
    },
    forgetViewed: async (customerId) => {
      await db.query('DELETE FROM viewed WHERE customer_id = $1', [customerId]);
    },
  };
}
