import { bySql, type Invariant, reconcile, type System, toMap, type Violation } from './invariant.ts';

interface Booked {
  readonly key: string;
  readonly kind: string;
  readonly reference: string;
  readonly amount: string;
  readonly currency: string;
}

interface OrderMoney {
  readonly order_id: string;
  readonly status: string;
  readonly amount: string;
}

export const money: readonly Invariant[] = [
  bySql({
    id: 'M1',
    what: 'every ledger transaction has entries, and they sum to zero in each currency',
    holds: 'always',
    database: 'payment',
    sql: `SELECT t.id AS transaction_id, e.currency, sum(e.amount_minor)::text AS sum
          FROM ledger_transaction t LEFT JOIN ledger_entry e ON e.transaction_id = t.id
          GROUP BY t.id, e.currency HAVING count(e.account) = 0 OR sum(e.amount_minor) <> 0`,
  }),
  bySql({
    id: 'M2a',
    what: 'an order is captured at most once in our books',
    holds: 'always',
    database: 'payment',
    sql: `SELECT p.order_id, count(*)::int AS captures
          FROM payment p JOIN ledger_transaction t ON t.payment_id = p.id AND t.kind = 'capture'
          GROUP BY p.order_id HAVING count(*) > 1`,
  }),
  bySql({
    id: 'M2b',
    what: 'no payment is refunded beyond its capture in our books',
    holds: 'always',
    database: 'payment',
    sql: `SELECT t.payment_id, e.currency, sum(e.amount_minor)::text AS clearing
          FROM ledger_transaction t JOIN ledger_entry e ON e.transaction_id = t.id AND e.account = 'provider-clearing'
          GROUP BY t.payment_id, e.currency HAVING sum(e.amount_minor) < 0`,
  }),
  bySql({
    id: 'M2c',
    what: 'the provider captured an order at most once',
    holds: 'always',
    database: 'provider',
    sql: `SELECT reference AS order_id, count(*)::int AS captures FROM charge
          WHERE status = 'captured' GROUP BY reference HAVING count(*) > 1`,
  }),
  bySql({
    id: 'M2d',
    what: 'the provider refunded no charge beyond its capture',
    holds: 'always',
    database: 'provider',
    sql: `SELECT c.idempotency_key, c.status, sum(r.amount_minor)::text AS refunded
          FROM charge c JOIN refund r ON r.charge_id = c.id
          GROUP BY c.id, c.idempotency_key, c.status, c.amount_minor
          HAVING c.status <> 'captured' OR sum(r.amount_minor) > c.amount_minor`,
  }),
  {
    id: 'M3',
    what: "the provider's captures and refunds are ours, and ours are the provider's",
    holds: 'at-rest',
    needs: ['payment', 'provider'],
    find: async (system) => {
      const [ours, theirs] = await Promise.all([
        system.read<Booked>('payment', OURS),
        system.read<Booked>('provider', THEIRS),
      ]);
      const values = (rows: readonly Booked[]) =>
        toMap(
          rows,
          (row) => `${row.kind} ${row.key} ${row.reference}`,
          (row) => `${row.amount} ${row.currency}`,
        );
      return reconcile({ name: 'ours', values: values(ours) }, { name: 'theirs', values: values(theirs) });
    },
  },
  bySql({
    id: 'M4a',
    what: 'the total of an order is the sum of its lines, less its discounts, plus shipping',
    holds: 'always',
    database: 'order',
    sql: `
      SELECT o.id AS order_id, o.total_minor::text AS total, l.listed::text AS lines, o.agreement FROM order_view o
      CROSS JOIN LATERAL (SELECT sum(quantity * unit_price_minor) AS listed FROM order_view_line WHERE order_id = o.id) l
      CROSS JOIN LATERAL (SELECT coalesce(sum((d->'amount'->>'amountMinor')::bigint), 0) AS reduced
        FROM jsonb_array_elements(o.agreement->'discounts') d) r
      WHERE o.total_minor IS DISTINCT FROM
        l.listed - r.reduced + coalesce((o.agreement->'shipping'->>'amountMinor')::bigint, 0)`,
  }),
  {
    id: 'M4b',
    what: 'an order without a quote is sold at the prices of the catalogue',
    holds: 'always',
    needs: ['order', 'inventory'],
    find: findOtherPrices,
  },
  {
    id: 'M4c',
    what: 'what is charged for an order is its total',
    holds: 'always',
    needs: ['order', 'payment'],
    find: findOtherAmounts,
  },
  {
    id: 'M5',
    what: 'a confirmed order has paid its total, a cancelled one nothing, in our books and at the provider',
    holds: 'at-rest',
    needs: ['order', 'payment', 'provider'],
    find: findWrongNet,
  },
  bySql({
    id: 'M5b',
    what: 'no payment is left open',
    holds: 'at-rest',
    database: 'payment',
    sql: `SELECT order_id, status, attempts FROM payment WHERE status IN ('pending', 'voiding', 'refunding')`,
  }),
];

const OURS = `
  SELECT p.id AS key, t.kind, t.provider_reference AS reference, abs(sum(e.amount_minor))::text AS amount,
         max(e.currency) AS currency
  FROM ledger_transaction t JOIN payment p ON p.id = t.payment_id
    LEFT JOIN ledger_entry e ON e.transaction_id = t.id AND e.account = 'provider-clearing'
  GROUP BY p.id, t.id, t.kind, t.provider_reference`;

const THEIRS = `
  SELECT idempotency_key AS key, 'capture' AS kind, id::text AS reference, amount_minor::text AS amount, currency
  FROM charge WHERE status = 'captured'
  UNION ALL
  SELECT c.idempotency_key, 'refund', r.id::text, r.amount_minor::text, r.currency
  FROM refund r JOIN charge c ON c.id = r.charge_id`;

async function findOtherPrices(system: System): Promise<Violation[]> {
  interface Line {
    readonly order_id: string;
    readonly product_id: string;
    readonly price: string;
  }
  const [lines, products] = await Promise.all([
    system.read<Line>(
      'order',
      `SELECT l.order_id, l.product_id, l.unit_price_minor || ' ' || o.currency AS price
       FROM order_view_line l JOIN order_view o ON o.id = l.order_id WHERE o.agreement IS NULL`,
    ),
    system.read<{ id: string; price: string }>(
      'inventory',
      `SELECT id, price_minor || ' ' || currency AS price FROM product`,
    ),
  ]);
  const prices = toMap(
    products,
    (product) => product.id,
    (product) => product.price,
  );
  return lines
    .filter((line) => prices.get(line.product_id) !== line.price)
    .map((line) => ({ ...line, catalogue: prices.get(line.product_id) ?? 'unknown product' }));
}

async function findOtherAmounts(system: System): Promise<Violation[]> {
  // One after the other: an order is there before its payment, so this way each payment's order is seen.
  const payments = await system.read<OrderMoney>(
    'payment',
    `SELECT order_id, status, amount_minor || ' ' || currency AS amount FROM payment WHERE amount_minor IS NOT NULL`,
  );
  const orders = await system.read<OrderMoney>(
    'order',
    `SELECT id AS order_id, status, total_minor || ' ' || currency AS amount FROM order_view`,
  );
  const totals = toMap(
    orders,
    (order) => order.order_id,
    (order) => order.amount,
  );
  return payments
    .filter((payment) => totals.get(payment.order_id) !== payment.amount)
    .map((payment) => ({ ...payment, total: totals.get(payment.order_id) ?? 'unknown order' }));
}

async function findWrongNet(system: System): Promise<Violation[]> {
  const [orders, ours, theirs] = await Promise.all([
    system.read<OrderMoney>(
      'order',
      'SELECT id AS order_id, status, total_minor::text AS amount FROM order_view',
    ),
    system.read<OrderMoney>(
      'payment',
      `SELECT p.order_id, p.status, sum(e.amount_minor)::text AS amount
       FROM payment p JOIN ledger_transaction t ON t.payment_id = p.id
         JOIN ledger_entry e ON e.transaction_id = t.id AND e.account = 'provider-clearing'
       GROUP BY p.order_id, p.status`,
    ),
    system.read<OrderMoney>(
      'provider',
      `SELECT c.reference AS order_id, min(c.status) AS status,
         sum(c.amount_minor - COALESCE((SELECT sum(r.amount_minor) FROM refund r WHERE r.charge_id = c.id), 0))::text AS amount
       FROM charge c WHERE c.status = 'captured' GROUP BY c.reference`,
    ),
  ]);
  const amounts = (rows: readonly OrderMoney[]) =>
    toMap(
      rows,
      (row) => row.order_id,
      (row) => row.amount,
    );
  const booked = amounts(ours);
  const taken = amounts(theirs);
  return orders
    .map((order) => ({
      orderId: order.order_id,
      status: order.status,
      owed: order.status === 'Confirmed' ? order.amount : '0',
      booked: booked.get(order.order_id) ?? '0',
      taken: taken.get(order.order_id) ?? '0',
    }))
    .filter(({ owed, ...net }) => net.booked !== owed || net.taken !== owed);
}
