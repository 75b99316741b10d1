import { accept, type Result, reject } from '@flotilla/kernel';
import type { Database, Transaction } from '@flotilla/postgres';
import type { OrderRow } from './order-rows.ts';

/** What the monolith does with orders. Each change is one transaction: before it nothing has happened, after it everything has. */

export const PAGE = 100;
export const CANCELLED_BY_CUSTOMER = 'cancelled-by-customer';

const SELECT = `
  SELECT o.no, c.account_id, o.state, o.sum::text, o.remark, o.placed_on, o.paid_on, o.sent_on, o.cancelled_on, o.version,
    o.moved_on, (SELECT json_agg(json_build_object('article', p.article, 'title', p.title, 'pieces', p.pieces,
      'price', p.price::text) ORDER BY p.pos) FROM positions p WHERE p.order_no = o.no) AS positions
  FROM orders o JOIN customers c ON c.no = o.customer_no`;

type Reader = Pick<Transaction, 'query'>;

/** An order of this customer, or of whoever it is. */
export async function find(db: Reader, number: number, accountId?: string): Promise<OrderRow | undefined> {
  const [row] = await db.query<OrderRow & Record<string, unknown>>(
    `${SELECT} WHERE o.no = $1 AND ($2::text IS NULL OR c.account_id = $2)`,
    [number, accountId ?? null],
  );
  return row;
}

/** By number, a page after this one; `isLeft`: those that have not been moved. */
export async function list(db: Reader, after: number, isLeft: boolean): Promise<readonly OrderRow[]> {
  const which = isLeft ? 'AND o.moved_on IS NULL' : '';
  return await db.query<OrderRow & Record<string, unknown>>(
    `${SELECT} WHERE o.no > $1 ${which} ORDER BY o.no LIMIT ${PAGE}`,
    [after],
  );
}

interface Buyer {
  readonly accountId: string;
  readonly name: string | null;
  readonly email: string | null;
}

interface Item {
  readonly productId: string;
  readonly quantity: number;
}

type PlaceRejection = 'intake-closed' | 'out-of-stock' | 'unknown-product';

/** Takes goods and money at the counter; the parcel follows. */
export async function place(
  db: Database,
  buyer: Buyer,
  items: readonly Item[],
  at: Date,
): Promise<Result<OrderRow, PlaceRejection>> {
  return await db.transaction(async (tx) => {
    // Shared with other buyers; whoever closes the intake waits for all of them.
    const [settings] = await tx.query<{ takes_orders: boolean }>(
      'SELECT takes_orders FROM settings FOR SHARE',
    );
    if (!settings?.takes_orders) return reject('intake-closed');
    const lines = await choose(tx, items);
    if (!lines.ok) return lines;
    return accept(await insertOrder(tx, buyer, lines.value, at));
  });
}

interface Line {
  readonly article: string;
  readonly title: string;
  readonly pieces: number;
  readonly price: string;
}

/** Locks the articles, in the order of their codes: two buyers of the same ones do not wait for each other in a circle. */
async function choose(
  tx: Transaction,
  items: readonly Item[],
): Promise<Result<readonly Line[], 'out-of-stock' | 'unknown-product'>> {
  const articles = await tx.query<{ code: string; title: string; price: string; stock: number }>(
    'SELECT code, title, price::text, stock FROM articles WHERE code = ANY ($1::text[]) ORDER BY code FOR UPDATE',
    [items.map(({ productId }) => productId)],
  );
  const byCode = new Map(articles.map((article) => [article.code, article]));
  const lines: Line[] = [];
  for (const { productId, quantity } of items) {
    const article = byCode.get(productId);
    if (article === undefined) return reject('unknown-product');
    lines.push({ article: productId, title: article.title, pieces: quantity, price: article.price });
    const wanted = lines.reduce((sum, line) => sum + (line.article === productId ? line.pieces : 0), 0);
    if (wanted > article.stock) return reject('out-of-stock');
  }
  return accept(lines);
}

async function insertOrder(
  tx: Transaction,
  buyer: Buyer,
  lines: readonly Line[],
  at: Date,
): Promise<OrderRow> {
  const [customer] = await tx.query<{ no: number }>(
    `INSERT INTO customers (account_id, name, email) VALUES ($1, $2, $3)
     ON CONFLICT (account_id) DO UPDATE SET name = $2, email = $3 RETURNING no`,
    [buyer.accountId, buyer.name, buyer.email],
  );
  const [order] = await tx.query<{ no: number }>(
    `INSERT INTO orders (customer_no, state, sum, placed_on, paid_on)
     SELECT $1, 'P', sum(price * pieces), $2, $2 FROM json_to_recordset($3) AS l (price numeric, pieces integer) RETURNING no`,
    [customer?.no ?? 0, at, JSON.stringify(lines)],
  );
  const number = order?.no ?? 0;
  await tx.query(
    `INSERT INTO positions (order_no, pos, article, title, pieces, price)
     SELECT $1, pos, article, title, pieces, price
     FROM json_to_recordset($2) AS l (pos integer, article text, title text, pieces integer, price numeric)`,
    [number, JSON.stringify(lines.map((line, index) => ({ pos: index + 1, ...line })))],
  );
  await moveStock(tx, number, -1);
  const placed = await find(tx, number);
  if (placed === undefined) throw new TypeError('an order is there once it was inserted');
  return placed;
}

/** What has been sent stays sent, and what was moved is decided elsewhere; cancelling twice is once. */
export async function cancel(
  db: Database,
  number: number,
  accountId: string,
  at: Date,
): Promise<Result<OrderRow, 'not-found' | 'too-late' | 'order-moved'>> {
  return await db.transaction(async (tx) => {
    const locked = await lock(tx, number);
    const before = locked && (await find(tx, number, accountId));
    if (before === undefined) return reject('not-found');
    if (before.moved_on !== null) return reject('order-moved');
    if (before.state === 'S') return reject('too-late');
    if (before.state !== 'X') await giveBack(tx, number, at, CANCELLED_BY_CUSTOMER);
    return accept((await find(tx, number)) ?? before);
  });
}

/** Gives an order away, if it is as the other side has read it. Done once and for all; asked again it is done. */
export async function handOver(
  db: Database,
  number: number,
  version: number,
  at: Date,
): Promise<'moved' | 'version-changed' | 'not-found'> {
  return await db.transaction(async (tx) => {
    const row = await lock(tx, number);
    if (row === undefined) return 'not-found';
    if (row.version !== version) return 'version-changed';
    if (row.moved_on === null) await tx.query('UPDATE orders SET moved_on = $2 WHERE no = $1', [number, at]);
    return 'moved';
  });
}

/** The order service has cancelled what it was given: goods and money go back here, where they were taken. */
export async function settle(
  db: Database,
  number: number,
  at: Date,
  reason: string,
): Promise<Result<number, 'not-found' | 'not-moved'>> {
  return await db.transaction(async (tx) => {
    const row = await lock(tx, number);
    if (row === undefined) return reject('not-found');
    if (row.moved_on === null || row.state === 'S') return reject('not-moved');
    if (row.state === 'X') return accept(row.version);
    await giveBack(tx, number, at, reason);
    return accept(row.version + 1);
  });
}

export async function setIntake(db: Database, isOpen: boolean): Promise<void> {
  await db.transaction((tx) => tx.query('UPDATE settings SET takes_orders = $1', [isOpen]));
}

interface Locked extends Record<string, unknown> {
  readonly state: OrderRow['state'];
  readonly version: number;
  readonly moved_on: Date | null;
}

async function lock(tx: Transaction, number: number): Promise<Locked | undefined> {
  const sql = 'SELECT state, version, moved_on FROM orders WHERE no = $1 FOR UPDATE';
  return (await tx.query<Locked>(sql, [number]))[0];
}

async function giveBack(tx: Transaction, number: number, at: Date, reason: string): Promise<void> {
  await tx.query(
    "UPDATE orders SET state = 'X', cancelled_on = $2, remark = $3, version = version + 1 WHERE no = $1",
    [number, at, reason],
  );
  await moveStock(tx, number, 1);
}

/** Of all that an order holds: taken with -1, given back with 1. */
async function moveStock(tx: Transaction, number: number, direction: 1 | -1): Promise<void> {
  await tx.query(
    `UPDATE articles SET stock = stock + $2 * p.pieces
     FROM (SELECT article, sum(pieces)::integer AS pieces FROM positions WHERE order_no = $1 GROUP BY article) p
     WHERE code = p.article`,
    [number, direction],
  );
}
