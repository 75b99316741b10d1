import type { Database } from '@flotilla/postgres';
import type { CatalogueProduct, CatalogueStore, NewProduct } from './catalogue-store.ts';

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
    list: async ({ words, afterId, limit }) => {
      const rows = await db.query<Row>(
        `${SELECT} WHERE id > $1 AND name || ' ' || description ILIKE ALL ($2::text[]) ORDER BY id LIMIT $3`,
        [afterId, words.map(containing), limit],
      );
      return rows.map(toProduct);
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
