import type { Database } from '@flotilla/postgres';
import { demoAccountId } from '@shop/contracts';

const ARTICLES = [
  { code: 'old-lamp', title: 'Desk lamp, brass', price: 49.9 },
  { code: 'old-clock', title: 'Wall clock', price: 34.5 },
  { code: 'old-chair', title: 'Folding chair', price: 27 },
  { code: 'old-kettle', title: 'Enamel kettle', price: 19.99 },
];
const RECEIVED = 100_000;
const ORDERS = 20;

/** As they were left: most were sent, some wait for their parcel, one was cancelled. */
const STATES = ['S', 'S', 'P', 'S', 'N', 'S', 'X', 'S', 'P', 'S'];

/**
 * The articles, and orders 1001 to 1020 of the first demo customer, if there are none. One statement: another process that
 * begins at the same time waits for it, or finds everything.
 */
export async function addDemoOrders(db: Database): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.query('SELECT FROM settings FOR UPDATE');
    const known = await tx.query('SELECT FROM articles LIMIT 1');
    if (known.length > 0) return;
    await tx.query(
      `INSERT INTO articles SELECT code, title, price, $2::integer, $2::integer
       FROM json_to_recordset($1) AS a (code text, title text, price numeric)`,
      [JSON.stringify(ARTICLES), RECEIVED],
    );
    await tx.query(
      "INSERT INTO customers (account_id, name, email) VALUES ($1, 'Alice Adams', 'alice@example.com')",
      [demoAccountId('alice@example.com')],
    );
    await tx.query(
      `INSERT INTO orders (customer_no, state, sum, remark, placed_on, paid_on, sent_on, cancelled_on)
       SELECT (SELECT min(no) FROM customers), s.state, 0, CASE s.state WHEN 'X' THEN 'cancelled-by-customer' END, s.day,
         CASE WHEN s.state IN ('P', 'S') THEN s.day + interval '1 hour' END,
         CASE s.state WHEN 'S' THEN s.day + interval '1 day' END, CASE s.state WHEN 'X' THEN s.day + interval '2 hours' END
       FROM (SELECT n, ($1::text[])[1 + n % cardinality($1::text[])] AS state, timestamptz '2024-03-01 09:30:00Z' + n * interval '3 days' AS day
         FROM generate_series(0, $2::integer - 1) AS n) AS s ORDER BY s.n`,
      [STATES, ORDERS],
    );
    await tx.query(
      `INSERT INTO positions (order_no, pos, article, title, pieces, price)
       SELECT o.no, p.pos, a.code, a.title, 1 + (o.no + p.pos) % 3, a.price
       FROM orders o CROSS JOIN LATERAL generate_series(1, 1 + o.no % 2) AS p (pos)
       JOIN (SELECT *, row_number() OVER (ORDER BY code) - 1 AS place FROM articles) a ON a.place = (o.no + p.pos) % $1`,
      [ARTICLES.length],
    );
    await tx.query(
      'UPDATE orders o SET sum = (SELECT sum(price * pieces) FROM positions WHERE order_no = o.no)',
    );
    await tx.query(
      `UPDATE articles a SET stock = received - (SELECT coalesce(sum(p.pieces), 0) FROM positions p
         JOIN orders o ON o.no = p.order_no WHERE p.article = a.code AND o.state <> 'X')`,
    );
  });
}
