import { bySql, type Invariant, reconcile, type System, toMap } from './invariant.ts';

/** Coupons, and the orders that use them. */
export const coupons: readonly Invariant[] = [
  bySql({
    id: 'K1',
    what: 'a coupon has been used and has cost what its redemptions say',
    holds: 'always',
    database: 'pricing',
    sql: `
      SELECT c.code, c.used, c.spent_minor::text, r.used AS redeemed, r.spent::text FROM coupon c
      CROSS JOIN LATERAL (SELECT count(*) AS used, coalesce(sum(discount_minor), 0) AS spent
        FROM redemption WHERE code = c.code AND state = 'redeemed') r
      WHERE (c.used, c.spent_minor) <> (r.used, r.spent)`,
  }),
  bySql({
    id: 'K2',
    what: 'no coupon is used more often than it may be, by all or by one customer, nor past its budget',
    holds: 'always',
    database: 'pricing',
    sql: `
      SELECT c.code, r.customer_id, r.used FROM coupon c
      CROSS JOIN LATERAL (SELECT customer_id, count(*) AS used
        FROM redemption WHERE code = c.code AND state = 'redeemed' GROUP BY customer_id) r
      WHERE r.used > c.uses_per_customer
      UNION ALL
      SELECT code, NULL, used FROM coupon WHERE used > uses OR spent_minor > budget_minor`,
  }),
  {
    id: 'K3',
    what: 'the coupons in use are those of the confirmed orders that were reduced by one, for what they took off',
    holds: 'at-rest',
    needs: ['order', 'pricing'],
    find: findOtherUses,
  },
];

const REDUCED = `
  SELECT id::text AS order_id, agreement->'coupon'->>'code' || ' ' || customer_id || ' '
    || (agreement->'coupon'->'discount'->>'amountMinor') AS used
  FROM order_view WHERE status = 'Confirmed' AND agreement->'coupon' IS NOT NULL`;

const REDEEMED = `
  SELECT order_id, code || ' ' || customer_id || ' ' || discount_minor AS used FROM redemption WHERE state = 'redeemed'`;

async function findOtherUses(system: System) {
  interface Use {
    readonly order_id: string;
    readonly used: string;
  }
  const [reduced, redeemed] = await Promise.all([
    system.read<Use>('order', REDUCED),
    system.read<Use>('pricing', REDEEMED),
  ]);
  const byOrder = (uses: readonly Use[]) =>
    toMap(
      uses,
      ({ order_id }) => order_id,
      ({ used }) => used,
    );
  return reconcile(
    { name: 'order', values: byOrder(reduced) },
    { name: 'pricing', values: byOrder(redeemed) },
  );
}
