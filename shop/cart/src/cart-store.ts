import type { Database, Queryable, Transaction } from '@flotilla/postgres';

export interface CartItem {
  readonly productId: string;
  readonly quantity: number;
}

interface Cart {
  readonly items: readonly CartItem[];
  /** When the cart last changed; `null` when it was never used. */
  readonly updatedAt: Date | null;
}

/** Carts by customer. Writers of one cart wait for each other. */
export interface CartStore {
  read(customerId: string): Promise<Cart>;
  /** Sets a quantity above 0; `false` when the cart already holds `maxItems` other products. */
  put(customerId: string, item: CartItem, maxItems: number): Promise<boolean>;
  remove(customerId: string, productId: string): Promise<void>;
  clear(customerId: string): Promise<void>;
  /** The items, locked against other writers until the transaction ends. */
  lockItems(tx: Transaction, customerId: string): Promise<readonly CartItem[]>;
  /** Takes bought quantities out; what was added since the checkout stays. */
  takeOut(tx: Transaction, customerId: string, bought: readonly CartItem[]): Promise<void>;
}

const READ = `
  SELECT c.updated_at,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('productId', i.product_id, 'quantity', i.quantity)
                               ORDER BY i.added_at, i.product_id), '[]')
       FROM cart_item i WHERE i.customer_id = c.customer_id) AS items
  FROM cart c WHERE c.customer_id = $1`;

const TOUCH = `
  INSERT INTO cart (customer_id, updated_at) VALUES ($1, clock_timestamp())
  ON CONFLICT (customer_id) DO UPDATE SET updated_at = excluded.updated_at`;

const PUT = `
  INSERT INTO cart_item (customer_id, product_id, quantity)
  SELECT $1, $2, $3
  WHERE (SELECT count(*) FROM cart_item WHERE customer_id = $1 AND product_id <> $2) < $4
  ON CONFLICT (customer_id, product_id) DO UPDATE SET quantity = excluded.quantity
  RETURNING quantity`;

const TAKE_OUT = `
  WITH bought AS (
    SELECT product_id, sum(quantity) AS quantity
    FROM unnest($2::text[], $3::int[]) AS line (product_id, quantity) GROUP BY product_id
  ), emptied AS (
    DELETE FROM cart_item i USING bought b
    WHERE i.customer_id = $1 AND i.product_id = b.product_id AND i.quantity <= b.quantity
  )
  UPDATE cart_item i SET quantity = i.quantity - b.quantity FROM bought b
  WHERE i.customer_id = $1 AND i.product_id = b.product_id AND i.quantity > b.quantity`;

export function createCartStore(db: Database): CartStore {
  return {
    read: async (customerId) => {
      const [cart] = await readCart(db, customerId);
      return { items: cart?.items ?? [], updatedAt: cart?.updated_at ?? null };
    },
    put: (customerId, { productId, quantity }, maxItems) =>
      db.transaction(async (tx) => {
        await tx.query(TOUCH, [customerId]);
        const put = await tx.query(PUT, [customerId, productId, quantity, maxItems]);
        return put.length === 1;
      }),
    remove: async (customerId, productId) => {
      await db.transaction(async (tx) => {
        await tx.query(TOUCH, [customerId]);
        await tx.query('DELETE FROM cart_item WHERE customer_id = $1 AND product_id = $2', [
          customerId,
          productId,
        ]);
      });
    },
    clear: async (customerId) => {
      await db.transaction(async (tx) => {
        await tx.query(TOUCH, [customerId]);
        await tx.query('DELETE FROM cart_item WHERE customer_id = $1', [customerId]);
      });
    },
    lockItems: async (tx, customerId) => {
      await tx.query('SELECT 1 FROM cart WHERE customer_id = $1 FOR UPDATE', [customerId]);
      const [cart] = await readCart(tx, customerId);
      return cart?.items ?? [];
    },
    takeOut: async (tx, customerId, bought) => {
      await tx.query(TOUCH, [customerId]);
      const products = bought.map((item) => item.productId);
      await tx.query(TAKE_OUT, [customerId, products, bought.map((item) => item.quantity)]);
    },
  };
}

interface CartRow {
  readonly updated_at: Date;
  readonly items: readonly CartItem[];
}

function readCart(on: Queryable, customerId: string): Promise<CartRow[]> {
  return on.query<CartRow>(READ, [customerId]);
}
