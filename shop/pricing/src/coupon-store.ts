import type { Money } from '@flotilla/kernel';
import type { Database, Queryable, Transaction } from '@flotilla/postgres';
import { type CouponRefusal, type CouponTerms, type CouponUse, refuseCoupon } from './domain/coupon.ts';

export interface UsedCoupon {
  readonly terms: CouponTerms;
  readonly use: CouponUse;
}

export interface Redemption {
  readonly orderId: string;
  readonly customerId: string;
  readonly coupon: string;
  readonly discount: Money;
}

export type RedemptionAnswer =
  | { readonly status: 'redeemed' }
  | { readonly status: 'refused'; readonly reason: CouponRefusal | 'coupon-unknown' | 'order-cancelled' };

/** Coupons, and which orders use them. One coupon is used by one order after the other, whoever asks. */
export interface CouponStore {
  find(code: string, customerId: string): Promise<UsedCoupon | undefined>;
  issue(terms: CouponTerms, actor: string): Promise<'added' | 'exists' | 'no-promotion'>;
  /** Uses a coupon for an order. The first answer for an order stays. */
  redeem(tx: Transaction, redemption: Redemption): Promise<RedemptionAnswer>;
  /** Gives the use of an order back, and refuses one that arrives later. */
  release(tx: Transaction, orderId: string): Promise<void>;
}

interface CouponRow {
  readonly code: string;
  readonly promotion_id: string;
  readonly uses: number | null;
  readonly uses_per_customer: number | null;
  readonly budget_minor: string | null;
  readonly budget_currency: string | null;
  readonly valid_until: Date | null;
  readonly used: number;
  readonly spent_minor: string;
  readonly used_by_customer: number;
  readonly now: Date;
}

const SELECT = `
  SELECT code, promotion_id, uses, uses_per_customer, budget_minor::text, budget_currency, valid_until, used,
    spent_minor::text, clock_timestamp() AS now,
    (SELECT count(*) FROM redemption r WHERE r.code = c.code AND r.customer_id = $2 AND r.state = 'redeemed')::int
      AS used_by_customer
  FROM coupon c WHERE code = $1`;

export function createCouponStore(db: Database): CouponStore {
  return {
    find: async (code, customerId) => {
      const [row] = await db.query<CouponRow>(SELECT, [code, customerId]);
      return row && { terms: toTerms(row), use: toUse(row) };
    },
    issue: (terms, actor) => db.transaction((tx) => issueCoupon(tx, terms, actor)),
    redeem,
    release,
  };
}

async function issueCoupon(tx: Transaction, terms: CouponTerms, actor: string) {
  const { code, promotionId, uses, usesPerCustomer, budget, validUntil } = terms;
  const promotion = await tx.query('SELECT 1 FROM promotion WHERE id = $1 FOR KEY SHARE', [promotionId]);
  if (promotion.length === 0) return 'no-promotion';
  const added = await tx.query(
    `INSERT INTO coupon (code, promotion_id, uses, uses_per_customer, budget_minor, budget_currency, valid_until)
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING code`,
    [
      code,
      promotionId,
      uses ?? null,
      usesPerCustomer ?? null,
      budget?.amountMinor ?? null,
      budget?.currency ?? null,
      validUntil ?? null,
    ],
  );
  if (added.length === 0) return 'exists';
  await tx.query('INSERT INTO price_change (actor, subject, after) VALUES ($1, $2, $3)', [
    actor,
    `coupon ${code}`,
    JSON.stringify(terms),
  ]);
  return 'added';
}

async function redeem(tx: Transaction, redemption: Redemption): Promise<RedemptionAnswer> {
  const { orderId, customerId, coupon: code, discount } = redemption;
  const known = await answerBefore(tx, orderId);
  if (known) return known;
  // Whoever uses the coupon at the same time waits here, and counts this use.
  await tx.query('SELECT 1 FROM coupon WHERE code = $1 FOR UPDATE', [code]);
  const [row] = await tx.query<CouponRow>(SELECT, [code, customerId]);
  const reason =
    row === undefined ? 'coupon-unknown' : refuseCoupon(toTerms(row), toUse(row), discount, row.now);
  const answer: RedemptionAnswer =
    reason === undefined ? { status: 'redeemed' } : { status: 'refused', reason };
  const recorded = await tx.query(
    `INSERT INTO redemption (order_id, state, code, customer_id, discount_minor, reason)
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING order_id`,
    [orderId, answer.status, row?.code ?? null, customerId, discount.amountMinor, reason ?? null],
  );
  // A twin, or the release of a cancelled order, was quicker.
  if (recorded.length === 0) return (await answerBefore(tx, orderId)) ?? answer;
  if (answer.status === 'redeemed')
    await tx.query('UPDATE coupon SET used = used + 1, spent_minor = spent_minor + $2 WHERE code = $1', [
      code,
      discount.amountMinor,
    ]);
  return answer;
}

async function release(tx: Transaction, orderId: string): Promise<void> {
  // A redemption that is being made is waited for here, so that it is seen below.
  const isNew = await tx.query(
    `INSERT INTO redemption (order_id, state) VALUES ($1, 'released') ON CONFLICT DO NOTHING RETURNING order_id`,
    [orderId],
  );
  if (isNew.length === 0) await giveBack(tx, orderId);
}

async function giveBack(tx: Transaction, orderId: string): Promise<void> {
  const [given] = await tx.query<{ readonly code: string; readonly discount_minor: string }>(
    `UPDATE redemption SET state = 'released', at = clock_timestamp() WHERE order_id = $1 AND state = 'redeemed'
     RETURNING code, discount_minor::text`,
    [orderId],
  );
  if (given === undefined) return;
  await tx.query('UPDATE coupon SET used = used - 1, spent_minor = spent_minor - $2 WHERE code = $1', [
    given.code,
    given.discount_minor,
  ]);
}

async function answerBefore(on: Queryable, orderId: string): Promise<RedemptionAnswer | undefined> {
  const [row] = await on.query<{ readonly state: string; readonly reason: CouponRefusal | null }>(
    'SELECT state, reason FROM redemption WHERE order_id = $1',
    [orderId],
  );
  if (row === undefined) return undefined;
  if (row.state === 'redeemed') return { status: 'redeemed' };
  return { status: 'refused', reason: row.reason ?? 'order-cancelled' };
}

function toTerms(row: CouponRow): CouponTerms {
  return {
    code: row.code,
    promotionId: row.promotion_id,
    ...(row.uses !== null && { uses: row.uses }),
    ...(row.uses_per_customer !== null && { usesPerCustomer: row.uses_per_customer }),
    ...(row.budget_minor !== null &&
      row.budget_currency !== null && {
        budget: { amountMinor: Number(row.budget_minor), currency: row.budget_currency },
      }),
    ...(row.valid_until !== null && { validUntil: row.valid_until }),
  };
}

function toUse(row: CouponRow): CouponUse {
  return {
    used: row.used,
    usedByCustomer: row.used_by_customer,
    spentMinor: Number(row.spent_minor),
  };
}
