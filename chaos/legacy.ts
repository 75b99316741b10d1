import { bySql, type Invariant, reconcile, type System, toMap } from './invariant.ts';

/** The monolith, and the orders that move from it to the order service. */
export const legacy: readonly Invariant[] = [
  {
    id: 'L1',
    what: 'no order is decided by the order service while the monolith decides about it',
    holds: 'always',
    needs: ['order', 'legacy'],
    find: findOwnedTwice,
  },
  {
    id: 'L2',
    what: 'every order that the monolith has let go of is decided by the order service, and nothing is half done',
    holds: 'at-rest',
    needs: ['order', 'legacy'],
    find: findOwnedByNobody,
  },
  {
    id: 'L3',
    what: 'both sides tell the same of every order that was moved',
    holds: 'at-rest',
    needs: ['order', 'legacy'],
    find: findToldDifferently,
  },
  bySql({
    id: 'L4',
    what: 'what is left of an article is what came in less what orders hold, and an order costs what its positions cost',
    holds: 'always',
    database: 'legacy',
    sql: `
      SELECT a.code AS key, a.received - a.stock AS taken, coalesce(h.pieces, 0) AS held FROM articles a
      LEFT JOIN (SELECT p.article, sum(p.pieces) AS pieces FROM positions p JOIN orders o ON o.no = p.order_no
        WHERE o.state <> 'X' GROUP BY p.article) h ON h.article = a.code
      WHERE a.received - a.stock <> coalesce(h.pieces, 0)
      UNION ALL
      SELECT o.no::text, o.sum, p.sum FROM orders o
      LEFT JOIN (SELECT order_no, sum(price * pieces) AS sum FROM positions GROUP BY order_no) p ON p.order_no = o.no
      WHERE p.sum IS DISTINCT FROM o.sum`,
  }),
];

type Numbered = Readonly<Record<'number', number>>;

const LIVE = "SELECT number FROM moved_order WHERE stage <> 'staged'";
const LET_GO = 'SELECT no AS number FROM orders WHERE moved_on IS NOT NULL';

/** Ours first: whatever is decided here then has been let go of before. */
async function findOwnedTwice(system: System) {
  const live = await system.read<Numbered>('order', LIVE);
  const letGo = new Set((await system.read<Numbered>('legacy', LET_GO)).map(({ number }) => number));
  return live.filter(({ number }) => !letGo.has(number));
}

async function findOwnedByNobody(system: System) {
  const live = new Set((await system.read<Numbered>('order', LIVE)).map(({ number }) => number));
  const letGo = await system.read<Numbered>('legacy', LET_GO);
  const lost = letGo.filter(({ number }) => !live.has(number));
  return [
    ...lost,
    ...(await system.read<Numbered>(
      'order',
      "SELECT number, stage FROM moved_order WHERE stage = 'cancelling'",
    )),
  ];
}

/** In one form: what it is now, what it costs, when and why it was cancelled. */
const OURS = `
  SELECT number, customer_id || ' ' || (content->>'status') || ' ' || (content->'total'->>'amountMinor') || ' '
    || coalesce(content->>'cancellationReason', '-') || ' '
    || coalesce((SELECT extract(epoch FROM (entry->>'at')::timestamptz)::text
         FROM jsonb_array_elements(content->'history') AS entry WHERE entry->>'status' = 'Cancelled'), '-') AS told
  FROM moved_order WHERE stage <> 'staged'`;

const THEIRS = `
  SELECT o.no AS number, c.account_id || ' '
    || (CASE o.state WHEN 'N' THEN 'Pending' WHEN 'P' THEN 'PaymentProcessed' WHEN 'S' THEN 'Confirmed' ELSE 'Cancelled' END)
    || ' ' || (o.sum * 100)::bigint || ' ' || coalesce(o.remark, '-') || ' '
    || coalesce(extract(epoch FROM o.cancelled_on::timestamptz(6))::text, '-') AS told
  FROM orders o JOIN customers c ON c.no = o.customer_no WHERE o.moved_on IS NOT NULL`;

async function findToldDifferently(system: System) {
  type Told = Numbered & Readonly<Record<'told', string>>;
  const [ours, theirs] = await Promise.all([
    system.read<Told>('order', OURS),
    system.read<Told>('legacy', THEIRS),
  ]);
  const byNumber = (rows: readonly Told[]) =>
    toMap(
      rows,
      ({ number }) => String(number),
      ({ told }) => told,
    );
  return reconcile({ name: 'order', values: byNumber(ours) }, { name: 'legacy', values: byNumber(theirs) });
}
