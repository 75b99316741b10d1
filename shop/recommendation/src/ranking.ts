import type { Database } from '@flotilla/postgres';

/** Ids of products, the best first. What is read belongs to the generation that is shown now. */
export interface Ranking {
  alsoBought(productId: string, limit: number): Promise<readonly string[]>;
  /** By what a customer has bought and looked at; what they have is left out. */
  forCustomer(customerId: string, limit: number): Promise<readonly string[]>;
  /** What a customer has bought, the last ones. */
  owned(customerId: string): Promise<readonly string[]>;
  /** What most customers bought. */
  popular(limit: number): Promise<readonly string[]>;
}

const ACTIVE = "(SELECT active FROM projection WHERE name = 'also_bought')";

/**
 * How many of those who have one product (`n` buyers) buy the other one, as far as that is known: what was seen, and as much
 * as if ten more had bought what everybody buys. What few have bought is so judged by popularity, what many have by
 * themselves, and no single customer is a taste.
 */
const PRIOR = 10;
const LIKELIHOOD = `(coalesce(b.buyers, 0) + ${PRIOR}.0 * p.buyers / everybody.n) / (n.buyers + ${PRIOR})`;

/** Products that stand for themselves: enough that what was bought together is never compared with nothing. */
const CANDIDATES = `
  popular AS (
    SELECT product_id, buyers FROM popularity WHERE generation = ${ACTIVE} ORDER BY buyers DESC, product_id LIMIT 200
  ), everybody AS (
    SELECT greatest(1, sum(buyers)) AS n FROM popularity WHERE generation = ${ACTIVE}
  )`;

const ALSO_BOUGHT = `
  WITH ${CANDIDATES}, candidate AS (
    SELECT product_id AS id FROM popular
    UNION SELECT other_id FROM bought_both WHERE generation = ${ACTIVE} AND product_id = $1
  )
  SELECT c.id FROM candidate c CROSS JOIN everybody
  JOIN popularity n ON n.generation = ${ACTIVE} AND n.product_id = $1
  JOIN popularity p ON p.generation = ${ACTIVE} AND p.product_id = c.id
  LEFT JOIN bought_both b ON b.generation = ${ACTIVE} AND b.product_id = $1 AND b.other_id = c.id
  WHERE c.id <> $1
  ORDER BY ${LIKELIHOOD} DESC, c.id LIMIT $2`;

/** The last products that were bought, and those that were looked at, which say less. */
const FOR_CUSTOMER = `
  WITH has AS (
    SELECT o.product_id, o.bought_at FROM owned o JOIN shopper s ON s.alias = o.shopper
    WHERE o.generation = ${ACTIVE} AND s.customer_id = $1
  ), seed AS (
    (SELECT product_id, 1.0 AS weight FROM has ORDER BY bought_at DESC LIMIT 50)
    UNION ALL
    (SELECT product_id, 0.5 FROM viewed WHERE customer_id = $1 ORDER BY viewed_at DESC LIMIT 20)
  ), ${CANDIDATES}, candidate AS (
    SELECT product_id AS id FROM popular
    UNION SELECT other_id FROM seed
      JOIN bought_both b ON b.generation = ${ACTIVE} AND b.product_id = seed.product_id
  )
  SELECT c.id FROM seed CROSS JOIN candidate c CROSS JOIN everybody
  JOIN popularity n ON n.generation = ${ACTIVE} AND n.product_id = seed.product_id
  JOIN popularity p ON p.generation = ${ACTIVE} AND p.product_id = c.id
  LEFT JOIN bought_both b ON b.generation = ${ACTIVE} AND b.product_id = seed.product_id AND b.other_id = c.id
  WHERE c.id NOT IN (SELECT product_id FROM has)
  GROUP BY c.id ORDER BY sum(seed.weight * ${LIKELIHOOD}) DESC, c.id LIMIT $2`;

const OWNED = `
  SELECT o.product_id AS id FROM owned o JOIN shopper s ON s.alias = o.shopper
  WHERE o.generation = ${ACTIVE} AND s.customer_id = $1 ORDER BY o.bought_at DESC, o.product_id LIMIT 1000`;

const POPULAR = `
  SELECT product_id AS id FROM popularity WHERE generation = ${ACTIVE} ORDER BY buyers DESC, product_id LIMIT $1`;

export function createRanking(db: Database): Ranking {
  const ids = async (statement: string, values: readonly (string | number)[]) => {
    const rows = await db.query<{ readonly id: string }>(statement, [...values]);
    return rows.map(({ id }) => id);
  };
  return {
    alsoBought: (productId, limit) => ids(ALSO_BOUGHT, [productId, limit]),
    forCustomer: (customerId, limit) => ids(FOR_CUSTOMER, [customerId, limit]),
    owned: (customerId) => ids(OWNED, [customerId]),
    popular: (limit) => ids(POPULAR, [limit]),
  };
}
