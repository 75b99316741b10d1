import { bySql, type Invariant, reconcile, type System, toMap } from './invariant.ts';

interface Quantity {
  readonly order_id: string;
  readonly product_id: string;
  readonly quantity: string;
}

const perLine = (rows: readonly Quantity[]) =>
  toMap(
    rows,
    (row) => `${row.order_id} ${row.product_id}`,
    (row) => row.quantity,
  );

/** What confirmed orders bought. */
const confirmedLines = (system: System) =>
  system.read<Quantity>(
    'order',
    `SELECT l.order_id, l.product_id, sum(l.quantity)::text AS quantity
     FROM order_view_line l JOIN order_view o ON o.id = l.order_id AND o.status = 'Confirmed' GROUP BY 1, 2`,
  );

export const stock: readonly Invariant[] = [
  bySql({
    id: 'S1',
    what: '0 ≤ reserved ≤ on hand',
    holds: 'always',
    database: 'inventory',
    sql: 'SELECT product_id, on_hand, reserved FROM stock WHERE NOT (0 <= reserved AND reserved <= on_hand)',
  }),
  bySql({
    id: 'S2a',
    what: 'movements add up to what is on hand',
    holds: 'always',
    database: 'inventory',
    sql: `SELECT s.product_id, s.on_hand, COALESCE(sum(m.quantity), 0)::int AS moved
          FROM stock s LEFT JOIN stock_movement m ON m.product_id = s.product_id
          GROUP BY s.product_id, s.on_hand HAVING s.on_hand <> COALESCE(sum(m.quantity), 0)`,
  }),
  bySql({
    id: 'S2b',
    what: 'held reservations add up to what is reserved',
    holds: 'always',
    database: 'inventory',
    sql: `SELECT s.product_id, s.reserved, COALESCE(sum(l.quantity), 0)::int AS held
          FROM stock s LEFT JOIN (reservation_line l JOIN reservation r ON r.order_id = l.order_id AND r.status = 'held')
            ON l.product_id = s.product_id
          GROUP BY s.product_id, s.reserved HAVING s.reserved <> COALESCE(sum(l.quantity), 0)`,
  }),
  bySql({
    id: 'S3',
    what: 'nothing is sold that was never there',
    holds: 'always',
    database: 'inventory',
    sql: `SELECT s.product_id, COALESCE(sold.quantity, 0)::int AS sold, COALESCE(received.quantity, 0)::int AS received
          FROM stock s
          LEFT JOIN (SELECT l.product_id, sum(l.quantity) AS quantity FROM reservation_line l
                     JOIN reservation r ON r.order_id = l.order_id AND r.status = 'committed' GROUP BY 1) sold
            ON sold.product_id = s.product_id
          LEFT JOIN (SELECT product_id, sum(quantity) AS quantity FROM stock_movement
                     WHERE kind IN ('initial', 'adjustment') GROUP BY 1) received
            ON received.product_id = s.product_id
          WHERE COALESCE(sold.quantity, 0) > COALESCE(received.quantity, 0)`,
  }),
  bySql({
    id: 'S4',
    what: 'no reservation is left held',
    holds: 'at-rest',
    database: 'inventory',
    sql: "SELECT order_id, expires_at FROM reservation WHERE status = 'held'",
  }),
  {
    id: 'S5a',
    what: 'the committed reservations are the lines of the confirmed orders',
    holds: 'at-rest',
    needs: ['order', 'inventory'],
    find: async (system) => {
      const [sold, committed] = await Promise.all([
        confirmedLines(system),
        system.read<Quantity>(
          'inventory',
          `SELECT l.order_id, l.product_id, sum(l.quantity)::text AS quantity
           FROM reservation_line l JOIN reservation r ON r.order_id = l.order_id AND r.status = 'committed' GROUP BY 1, 2`,
        ),
      ]);
      return reconcile(
        { name: 'ordered', values: perLine(sold) },
        { name: 'committed', values: perLine(committed) },
      );
    },
  },
  {
    id: 'S5b',
    what: 'what left the warehouse for an order, less what came back, is what the order bought',
    holds: 'at-rest',
    needs: ['order', 'inventory'],
    find: async (system) => {
      const [bought, moved] = await Promise.all([
        confirmedLines(system),
        system.read<Quantity>(
          'inventory',
          `SELECT order_id, product_id, (-sum(quantity))::text AS quantity FROM stock_movement
           WHERE order_id IS NOT NULL GROUP BY 1, 2 HAVING sum(quantity) <> 0`,
        ),
      ]);
      return reconcile(
        { name: 'bought', values: perLine(bought) },
        { name: 'moved', values: perLine(moved) },
      );
    },
  },
  bySql({
    id: 'S6',
    what: 'everything on hand can be sold: nothing stays reserved for nobody',
    holds: 'at-rest',
    database: 'inventory',
    sql: 'SELECT product_id, on_hand, reserved FROM stock WHERE reserved <> 0',
  }),
];
