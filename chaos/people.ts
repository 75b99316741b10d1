import { bySql, type Invariant, reconcile, type System, toMap, type Violation } from './invariant.ts';

/** What is known of people, and what was bought. */
export const people: readonly Invariant[] = [
  {
    id: 'P1',
    what: 'accounts go by the name that their people chose last',
    holds: 'at-rest',
    needs: ['identity', 'user'],
    find: findOtherNames,
  },
  {
    id: 'P2',
    what: 'of who was erased there is no account and no profile',
    holds: 'at-rest',
    needs: ['identity', 'user'],
    find: findLeftovers,
  },
  {
    id: 'P3',
    what: 'every purchase in the log is a confirmed order, with what was in it',
    holds: 'at-rest',
    needs: ['order', 'recommendation'],
    find: findInventedPurchases,
  },
  bySql({
    id: 'P4',
    what: 'a product has as many buyers as the log says',
    holds: 'at-rest',
    database: 'recommendation',
    sql: `
      WITH told AS (
        SELECT product, count(DISTINCT data->>'shopper') AS buyers
        FROM event, jsonb_array_elements_text(data->'products') AS product WHERE category = 'purchase' GROUP BY product
      ), shown AS (
        SELECT product_id AS product, buyers FROM popularity
        WHERE generation = (SELECT active FROM projection WHERE name = 'also_bought')
      )
      SELECT product, told.buyers::text AS told, shown.buyers::text AS shown FROM told FULL JOIN shown USING (product)
      WHERE told.buyers IS DISTINCT FROM shown.buyers`,
  }),
];

interface Named {
  readonly id: string;
  readonly name: string;
}

async function findOtherNames(system: System): Promise<readonly Violation[]> {
  const [accounts, profiles] = await Promise.all([
    system.read<Named>(
      'identity',
      "SELECT id::text, profile_version || ' ' || name AS name FROM account WHERE profile_version > 0",
    ),
    // The first version is that of the account.
    system.read<Named>(
      'user',
      "SELECT user_id AS id, version || ' ' || name AS name FROM profile WHERE version > 1",
    ),
  ]);
  const byId = (rows: readonly Named[]) =>
    toMap(
      rows,
      ({ id }) => id,
      ({ name }) => name,
    );
  return reconcile({ name: 'identity', values: byId(accounts) }, { name: 'user', values: byId(profiles) });
}

async function findLeftovers(system: System): Promise<readonly Violation[]> {
  const [erased, accounts, profiles] = await Promise.all([
    system.read<{ id: string }>('user', "SELECT user_id AS id FROM erasure WHERE status = 'done'"),
    system.read<{ id: string }>('identity', 'SELECT id::text FROM account'),
    system.read<{ id: string }>(
      'user',
      'SELECT user_id AS id FROM profile UNION SELECT user_id FROM address',
    ),
  ]);
  const gone = new Set(erased.map(({ id }) => id));
  const left = (of: string, rows: readonly { readonly id: string }[]) =>
    rows.filter(({ id }) => gone.has(id)).map(({ id }) => ({ of, id }));
  return [...left('account', accounts), ...left('profile', profiles)];
}

/** Orders from before there was a log are not in it: only what it has is looked at. */
async function findInventedPurchases(system: System): Promise<readonly Violation[]> {
  interface Bought {
    readonly id: string;
    readonly products: string;
  }
  const [purchases, orders] = await Promise.all([
    system.read<Bought>(
      'recommendation',
      `SELECT substr(stream_id, 10) AS id, (SELECT string_agg(p, ' ' ORDER BY p COLLATE "C")
         FROM jsonb_array_elements_text(data->'products') AS p) AS products
       FROM event WHERE category = 'purchase'`,
    ),
    system.read<Bought>(
      'order',
      `SELECT o.id::text AS id, (SELECT string_agg(DISTINCT l->>'productId' COLLATE "C", ' ')
         FROM jsonb_array_elements(o.lines) AS l) AS products
       FROM order_view o WHERE status = 'Confirmed'`,
    ),
  ]);
  const sold = new Map(orders.map(({ id, products }) => [id, products]));
  return purchases
    .filter(({ id, products }) => sold.get(id) !== products)
    .map((purchase) => ({ ...purchase }));
}
