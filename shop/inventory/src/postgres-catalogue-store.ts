import type { Database } from '@flotilla/postgres';
import type { CatalogueProduct, CatalogueStore } from './catalogue-store.ts';

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
      await db.query(ADD, [
        products.map((product) => product.id),
        products.map((product) => product.name),
        products.map((product) => product.description),
        products.map((product) => product.price.amountMinor),
        products.map((product) => product.price.currency),
        products.map((product) => product.onHand),
        actor,
      ]);
    },
  };
}

/** A pattern that finds the word itself: what LIKE takes for wildcards is escaped. */
function containing(word: string): string {
  return `%${word.replaceAll(/[\\%_]/g, '\\$&')}%`;
}

function toProduct({ id, name, description, price_minor, currency, available }: Row): CatalogueProduct {
  return { id, name, description, price: { amountMinor: price_minor, currency }, available };
}

const ADD = `
  WITH item AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::text[], $6::integer[])
      AS i (id, name, description, price_minor, currency, on_hand)
  ), listed AS (
    INSERT INTO product (id, name, description, price_minor, currency)
    SELECT id, name, description, price_minor, currency FROM item ON CONFLICT DO NOTHING
  ), stored AS (
    INSERT INTO stock (product_id, on_hand) SELECT id, on_hand FROM item ON CONFLICT DO NOTHING
    RETURNING product_id, on_hand
  )
  INSERT INTO stock_movement (product_id, kind, quantity, actor)
  SELECT product_id, 'initial', on_hand, $7 FROM stored`;
