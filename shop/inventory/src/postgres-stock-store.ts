import { accept, reject } from '@flotilla/kernel';
import type { Database, Transaction } from '@flotilla/postgres';
import type { Reservation } from './domain/reservation.ts';
import { type FreeStock, findShortage, type Shortage, type StockLine } from './domain/stock-line.ts';
import type { OrderStock, Stock, StockStore } from './stock-store.ts';

// Locks are always taken in this sequence, so that there is no cycle to deadlock in:
// the order, its reservation, then rows of stock in product order.

export function createPostgresStockStore(db: Database): StockStore {
  return {
    inOrder: (orderId, work) => db.transaction((tx) => workOn(tx, orderId, work)),
    within: (tx) => ({ inOrder: (orderId, work) => workOn(tx, orderId, work) }),
    find: async (productId) => {
      const [row] = await db.query<Stock>(
        'SELECT on_hand AS "onHand", reserved FROM stock WHERE product_id = $1',
        [productId],
      );
      return row;
    },
    setOnHand: (productId, onHand, actor) =>
      db.transaction(async (tx) => {
        const [stock] = await tx.query<{ reserved: number }>(
          'SELECT reserved FROM stock WHERE product_id = $1 FOR NO KEY UPDATE',
          [productId],
        );
        if (stock === undefined) return reject('product-not-found');
        if (stock.reserved > onHand) return reject('stock-reserved');
        await tx.query(SET_ON_HAND, [productId, onHand, actor]);
        return accept({ onHand, reserved: stock.reserved });
      }),
    expireDue: (limit) =>
      db.transaction(async (tx) => {
        const due = await tx.query<{ order_id: string }>(FIND_DUE, [limit]);
        if (due.length === 0) return 0;
        const orderIds = due.map((row) => row.order_id);
        await tx.query(LOCK_STOCK_OF_ORDERS, [orderIds]);
        await tx.query(EXPIRE, [orderIds]);
        return due.length;
      }),
  };
}

async function workOn<T>(
  tx: Transaction,
  orderId: string,
  work: (stock: OrderStock) => Promise<T>,
): Promise<T> {
  await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [orderId]);
  return await work(openOrder(tx, orderId));
}

function openOrder(tx: Transaction, orderId: string): OrderStock {
  return {
    find: async () => {
      const [row] = await tx.query<Reservation>(FIND_RESERVATION, [orderId]);
      return row;
    },
    hold: (lines, ttlSeconds) => hold(tx, orderId, lines, ttlSeconds),
    sell: async (lines) => {
      await lockStock(tx, lines);
      await tx.query(SELL, [orderId]);
    },
    giveBack: async (lines) => {
      await lockStock(tx, lines);
      await tx.query(GIVE_BACK, [orderId]);
    },
    takeBack: async (lines) => {
      await lockStock(tx, lines);
      await tx.query(TAKE_BACK, [orderId]);
    },
    bar: async () => {
      await tx.query(BAR, [orderId]);
    },
  };
}

async function hold(
  tx: Transaction,
  orderId: string,
  lines: readonly StockLine[],
  ttlSeconds: number,
): Promise<Shortage | undefined> {
  const productIds = lines.map((line) => line.productId);
  // One row needs no lock beforehand: the update finds enough, or touches nothing.
  if (lines.length > 1) {
    const shortage = findShortage(lines, await lockStock(tx, lines));
    if (shortage) return shortage;
  }
  const quantities = lines.map((line) => line.quantity);
  const held = await tx.query(HOLD, [orderId, productIds, quantities, ttlSeconds]);
  if (held.length > 0) return undefined;
  const free = await tx.query<FreeStock>(READ_FREE, [productIds]);
  return findShortage(lines, free) ?? 'out-of-stock'; // somebody may have given some back since
}

async function lockStock(tx: Transaction, lines: readonly StockLine[]): Promise<FreeStock[]> {
  return await tx.query<FreeStock>(LOCK_STOCK, [lines.map((line) => line.productId)]);
}

const READ_FREE = `
  SELECT product_id AS "productId", on_hand - reserved AS free FROM stock
  WHERE product_id = ANY($1::text[]) ORDER BY product_id`;

const LOCK_STOCK = `${READ_FREE} FOR NO KEY UPDATE`;

const FIND_RESERVATION = `
  SELECT r.status, (
    SELECT coalesce(jsonb_agg(jsonb_build_object('productId', l.product_id, 'quantity', l.quantity)
                              ORDER BY l.product_id), '[]')
    FROM reservation_line l WHERE l.order_id = r.order_id) AS lines
  FROM reservation r WHERE r.order_id = $1 FOR UPDATE`;

// Returns a row when everything was taken. With several lines their rows are locked and known to suffice, so
// that it is all of them; with one it is that one or nothing.
const HOLD = `
  WITH wanted AS (
    SELECT * FROM unnest($2::text[], $3::integer[]) AS w (product_id, quantity)
  ), taken AS (
    UPDATE stock SET reserved = reserved + w.quantity FROM wanted w
    WHERE stock.product_id = w.product_id AND on_hand - reserved >= w.quantity
    RETURNING stock.product_id
  ), held AS (
    INSERT INTO reservation (order_id, status, expires_at)
    SELECT $1, 'held', clock_timestamp() + make_interval(secs => $4::integer)
    WHERE (SELECT count(*) FROM taken) = cardinality($2::text[])
    ON CONFLICT (order_id) DO UPDATE
      SET status = 'held', expires_at = excluded.expires_at, updated_at = clock_timestamp()
    RETURNING order_id
  ), listed AS (
    INSERT INTO reservation_line (order_id, product_id, quantity)
    SELECT held.order_id, w.product_id, w.quantity FROM held, wanted w
    ON CONFLICT (order_id, product_id) DO NOTHING
  )
  SELECT order_id FROM held`;

/** Ends a reservation and, in the same statement, does to the stock of its lines what \`stock\` says. */
const settle = (status: 'committed' | 'released', stock: string, movement?: string) => `
  WITH line AS (
    SELECT product_id, quantity FROM reservation_line WHERE order_id = $1
  ), moved AS (
    UPDATE stock SET ${stock} FROM line WHERE stock.product_id = line.product_id
  )${
    movement === undefined
      ? ''
      : `, recorded AS (
    INSERT INTO stock_movement (product_id, kind, quantity, order_id, actor)
    SELECT product_id, ${movement}, $1, 'inventory' FROM line ORDER BY product_id
  )`
  }
  UPDATE reservation SET status = '${status}', updated_at = clock_timestamp() WHERE order_id = $1`;

const SELL = settle(
  'committed',
  'on_hand = on_hand - quantity, reserved = reserved - quantity',
  `'sale', -quantity`,
);
const GIVE_BACK = settle('released', 'reserved = reserved - quantity');
const TAKE_BACK = settle('released', 'on_hand = on_hand + quantity', `'return', quantity`);

const BAR = `
  INSERT INTO reservation (order_id, status) VALUES ($1, 'released')
  ON CONFLICT (order_id) DO UPDATE SET status = 'released', updated_at = clock_timestamp()`;

const SET_ON_HAND = `
  WITH before AS (
    SELECT on_hand FROM stock WHERE product_id = $1
  ), counted AS (
    UPDATE stock SET on_hand = $2 WHERE product_id = $1
  )
  INSERT INTO stock_movement (product_id, kind, quantity, actor)
  SELECT $1, 'adjustment', $2 - before.on_hand, $3 FROM before`;

// A reservation that its order is working on right now is left to it.
const FIND_DUE = `
  SELECT order_id FROM reservation WHERE status = 'held' AND expires_at <= clock_timestamp()
  ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED`;

const LOCK_STOCK_OF_ORDERS = `
  SELECT FROM stock
  WHERE product_id IN (SELECT product_id FROM reservation_line WHERE order_id = ANY($1::text[]))
  ORDER BY product_id FOR NO KEY UPDATE`;

const EXPIRE = `
  WITH line AS (
    SELECT product_id, sum(quantity)::integer AS quantity FROM reservation_line
    WHERE order_id = ANY($1::text[]) GROUP BY product_id
  ), freed AS (
    UPDATE stock SET reserved = reserved - quantity FROM line WHERE stock.product_id = line.product_id
  )
  UPDATE reservation SET status = 'expired', updated_at = clock_timestamp() WHERE order_id = ANY($1::text[])`;
