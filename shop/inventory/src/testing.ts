import { join } from 'node:path';
import { inboxMigrations, outboxMigrations } from '@flotilla/messaging';
import type { Database } from '@flotilla/postgres';
import { createTestDatabase } from '@flotilla/postgres/testing';
import { createPostgresCatalogueStore } from './postgres-catalogue-store.ts';
import { createPostgresStockStore } from './postgres-stock-store.ts';

export const migrations = { name: 'inventory', directory: join(import.meta.dirname, '../migrations') };

/** An empty inventory on a database of its own, with what tests want to do and to know beyond the service's API. */
export async function createTestInventory() {
  const { db, uri, close } = await createTestDatabase([migrations, inboxMigrations, outboxMigrations]);
  const stock = createPostgresStockStore(db);
  const catalogue = createPostgresCatalogueStore(db);
  let products = 0;
  return {
    db,
    uri,
    close,
    stock,
    catalogue,
    deps: { stock, reservationTtlSeconds: 1_800 },
    /** Adds a product and returns its id; ids sort in the order in which they were added. */
    addProduct: async (onHand: number): Promise<string> => {
      products += 1;
      const id = `product-${String(products).padStart(3, '0')}`;
      const price = { amountMinor: 1_000, currency: 'EUR' };
      await catalogue.add([{ id, name: `Product ${products}`, description: '', price, onHand }], 'test');
      return id;
    },
    statusOf: async (orderId: string) => {
      const [row] = await db.query<{ status: string }>('SELECT status FROM reservation WHERE order_id = $1', [
        orderId,
      ]);
      return row?.status;
    },
    movementsOf: async (productId: string) =>
      await db.query<{ kind: string; quantity: number; actor: string }>(
        'SELECT kind, quantity, actor FROM stock_movement WHERE product_id = $1 ORDER BY id',
        [productId],
      ),
    /** Moves the end of a reservation into the past. */
    makeOverdue: async (orderId: string) => {
      await db.query(
        `UPDATE reservation SET expires_at = clock_timestamp() - interval '1 second' WHERE order_id = $1`,
        [orderId],
      );
    },
    findBrokenInvariants: () => findBrokenInvariants(db),
  };
}

/** Everything that must hold whenever no transaction is open; an empty list when it does. */
async function findBrokenInvariants(db: Database): Promise<readonly object[]> {
  return await db.query(`
    SELECT 'movements do not add up' AS broken, s.product_id FROM stock s
    WHERE s.on_hand <> (SELECT sum(m.quantity) FROM stock_movement m WHERE m.product_id = s.product_id)
    UNION ALL
    SELECT 'reserved is not what is held', s.product_id FROM stock s
    WHERE s.reserved <> (
      SELECT coalesce(sum(l.quantity), 0) FROM reservation_line l JOIN reservation r USING (order_id)
      WHERE l.product_id = s.product_id AND r.status = 'held')
    UNION ALL
    SELECT 'a reservation and its sales differ', l.order_id FROM reservation_line l JOIN reservation r USING (order_id)
    WHERE (r.status = 'committed') <> (
      SELECT coalesce(sum(m.quantity), 0) = -l.quantity FROM stock_movement m
      WHERE m.order_id = l.order_id AND m.product_id = l.product_id)`);
}
