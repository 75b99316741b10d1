import type { Database } from '@flotilla/postgres';
import type { CatalogueProduct, CatalogueSort, CatalogueStore, NewProduct } from './catalogue-store.ts';

interface Row {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly price_minor: number;
  readonly currency: string;
  readonly available: boolean;
}

const SELECT = `
  SELECT id, name, description, price_minor, currency, on_hand > reserved AS available
  FROM product JOIN stock ON product_id = id`;

export function createPostgresCatalogueStore(db: Database): CatalogueStore {
  return {
    find: async (id) => {
      const [row] = await db.query<Row>(`${SELECT} WHERE id = $1`, [id]);
      return row && toProduct(row);
    },
    list: async ({ words, sort, minPriceMinor, maxPriceMinor, onlyInStock, after, limit }) => {
      const filters = [words.map(containing), minPriceMinor, maxPriceMinor, onlyInStock, limit];
      const place = after === undefined ? [] : sort === 'id' ? [after.id] : [after.key, after.id];
      const rows = await db.query<Row & { readonly key: string }>(listing(sort, after !== undefined), [
        ...filters,
        ...place,
      ]);
      return rows.map((row) => ({ ...toProduct(row), position: { id: row.id, key: row.key } }));
    },
    lookUp: async (ids) => {
      const rows = await db.query<Row>(`${SELECT} WHERE id = ANY($1::text[]) ORDER BY id`, [ids]);
      return rows.map(toProduct);
    },
    add: async (products, actor) => {
      await db.query(ADD, [...columnsOf(products), actor]);
    },
    merge: async (products, actor) => {
      // Locked in the order of their ids, as everywhere.
      const sorted = products.toSorted((a, b) => (a.id < b.id ? -1 : 1));
      return await db.transaction(async (tx) => {
        const merged = { added: 0, changed: 0 };
        for (let from = 0; from < sorted.length; from += BATCH) {
          const batch = sorted.slice(from, from + BATCH);
          const [row] = await tx.query<MergedRow>(MERGE, [...columnsOf(batch), actor]);
          merged.added += row?.added ?? 0;
          merged.changed += (row?.written ?? 0) - (row?.added ?? 0);
        }
        return merged;
      });
    },
  };
}

interface Order {
  /** As text, for the cursor. */
  readonly key: string;
  readonly after: string;
  readonly by: string;
}

/** Each has an index that gives the rows in this order, or in the reverse. */
const ORDERS: Readonly<Record<CatalogueSort, Order>> = {
  id: { key: "''", after: 'id > $6', by: 'id' },
  name: {
    key: 'lower(name)',
    after: '(lower(name), id) > ($6, $7)',
    by: 'lower(name), id',
  },
  price: {
    key: 'price_minor::text',
    after: '(price_minor, id) > ($6::integer, $7)',
    by: 'price_minor, id',
  },
  '-price': {
    key: 'price_minor::text',
    after: '(price_minor, id) < ($6::integer, $7)',
    by: 'price_minor DESC, id DESC',
  },
};

function listing(sort: CatalogueSort, isContinued: boolean): string {
  const { key, after, by } = ORDERS[sort];
  return `
    SELECT id, name, description, price_minor, currency, on_hand > reserved AS available, ${key} AS key
    FROM product JOIN stock ON product_id = id
    WHERE name || ' ' || description ILIKE ALL ($1::text[]) AND price_minor BETWEEN $2 AND $3
      AND (on_hand > reserved OR NOT $4) ${isContinued ? `AND ${after}` : ''}
    ORDER BY ${by} LIMIT $5`;
}

const BATCH = 500;

interface MergedRow {
  readonly added: number;
  readonly written: number;
}

function columnsOf(products: readonly NewProduct[]): readonly (readonly (string | number)[])[] {
  return [
    products.map((product) => product.id),
    products.map((product) => product.name),
    products.map((product) => product.description),
    products.map((product) => product.price.amountMinor),
    products.map((product) => product.price.currency),
    products.map((product) => product.onHand),
  ];
}

/** A pattern that finds the word itself: what LIKE takes for wildcards is escaped. */
function containing(word: string): string {
  return `%${word.replaceAll(/[\\%_]/g, '\\$&')}%`;
}

function toProduct({ id, name, description, price_minor, currency, available }: Row): CatalogueProduct {
  return { id, name, description, price: { amountMinor: price_minor, currency }, available };
}

const ITEM = `
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::text[], $6::integer[])
      AS i (id, name, description, price_minor, currency, on_hand)`;

const ADD = `
  WITH item AS (${ITEM}
  ), listed AS (
    INSERT INTO product (id, name, description, price_minor, currency)
    SELECT id, name, description, price_minor, currency FROM item ON CONFLICT DO NOTHING
  ), stored AS (
    INSERT INTO stock (product_id, on_hand) SELECT id, on_hand FROM item ON CONFLICT DO NOTHING
    RETURNING product_id, on_hand
  )
  INSERT INTO stock_movement (product_id, kind, quantity, actor)
  SELECT product_id, 'initial', on_hand, $7 FROM stored`;

const MERGE = `
  WITH item AS (${ITEM}
  ), listed AS (
    INSERT INTO product AS p (id, name, description, price_minor, currency)
    SELECT id, name, description, price_minor, currency FROM item ORDER BY id
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, description = excluded.description,
      price_minor = excluded.price_minor, currency = excluded.currency
    WHERE (p.name, p.description, p.price_minor, p.currency)
      <> (excluded.name, excluded.description, excluded.price_minor, excluded.currency)
    RETURNING id
  ), stored AS (
    INSERT INTO stock (product_id, on_hand) SELECT id, on_hand FROM item ORDER BY id ON CONFLICT DO NOTHING
    RETURNING product_id, on_hand
  ), moved AS (
    INSERT INTO stock_movement (product_id, kind, quantity, actor)
    SELECT product_id, 'initial', on_hand, $7 FROM stored
  )
  SELECT (SELECT count(*) FROM stored)::integer AS added, (SELECT count(*) FROM listed)::integer AS written`;
