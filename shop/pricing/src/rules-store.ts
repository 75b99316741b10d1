import type { Money } from '@flotilla/kernel';
import type { Database, Transaction } from '@flotilla/postgres';
import type { Promotion } from './domain/promotion.ts';
import { bindPromotions, type PromotionBook } from './domain/promotion-book.ts';
import { type PromotionRow, toDefinition, toPromotion } from './promotion-rows.ts';

/** Everything but list prices and coupons that a price depends on, as it was at one moment. */
export interface PriceRules {
  readonly version: string;
  readonly book: PromotionBook;
  taxBasisPoints(country: string): number;
  shippingMinor(country: string, currency: string): number;
}

export interface ListPrice {
  readonly productId: string;
  readonly price: Money;
  readonly validFrom: Date;
  readonly validUntil: Date | null;
}

/** Promotions, price lists and rates. Every change names its actor and is recorded with it. */
export interface RulesStore {
  /** The rules of this version or a newer one; read again only when they have changed. */
  rules(version: string): Promise<PriceRules>;
  promotions(afterId: string, limit: number): Promise<readonly Promotion[]>;
  /** `false`: there is one of this id. */
  addPromotion(promotion: Promotion, actor: string): Promise<boolean>;
  /** `false`: there is none of this id. */
  changePromotion(promotion: Promotion, actor: string): Promise<boolean>;
  removePromotion(id: string, actor: string): Promise<'removed' | 'unknown' | 'has-coupons'>;
  listPrices(productId: string): Promise<readonly ListPrice[]>;
  putListPrice(price: ListPriceChange, actor: string): Promise<ListPrice>;
  putTaxRate(country: string, basisPoints: number, actor: string): Promise<void>;
  putShippingRate(country: string, price: Money, actor: string): Promise<void>;
}

export interface ListPriceChange {
  readonly productId: string;
  readonly price: Money;
  /** Default: now. */
  readonly validFrom?: Date | undefined;
  readonly validUntil?: Date | undefined;
}

interface RulesRow {
  readonly version: string;
  readonly promotions: readonly PromotionRow[] | null;
  readonly taxes: readonly { readonly country: string; readonly basis_points: number }[] | null;
  readonly shipping:
    | readonly { readonly country: string; readonly currency: string; readonly amount_minor: number }[]
    | null;
}

// One statement, so that version and rules are of one moment.
const READ_RULES = `
  SELECT version::text,
    (SELECT json_agg(p) FROM promotion p) AS promotions,
    (SELECT json_agg(t) FROM tax_rate t) AS taxes,
    (SELECT json_agg(s) FROM shipping_rate s) AS shipping
  FROM price_rules`;

export function createRulesStore(db: Database): RulesStore {
  let held: PriceRules | undefined;
  let reading: Promise<PriceRules> | undefined;

  async function read(): Promise<PriceRules> {
    const [row] = await db.query<RulesRow>(READ_RULES, []);
    if (row === undefined) throw new TypeError('the row of the rules is made by a migration');
    held = toRules(row);
    return held;
  }

  return {
    rules: async (version) => {
      if (held !== undefined && BigInt(held.version) >= BigInt(version)) return held;
      // Whoever comes while they are read may have seen a newer version than that reading.
      reading ??= read().finally(() => {
        reading = undefined;
      });
      const found = await reading;
      return BigInt(found.version) >= BigInt(version) ? found : await read();
    },
    ...promotionsOf(db),
    listPrices: async (productId) => {
      const rows = await db.query<ListPriceRow>(
        `SELECT ${LIST_PRICE} FROM list_price WHERE product_id = $1 ORDER BY currency, valid_from`,
        [productId],
      );
      return rows.map(toListPrice);
    },
    putListPrice: ({ productId, price, validFrom, validUntil }, actor) =>
      db.transaction(async (tx) => {
        const [row] = await tx.query<ListPriceRow>(
          `INSERT INTO list_price (product_id, currency, amount_minor, valid_from, valid_until)
           VALUES ($1, $2, $3, coalesce($4, now()), $5)
           ON CONFLICT (product_id, currency, valid_from)
           DO UPDATE SET amount_minor = excluded.amount_minor, valid_until = excluded.valid_until
           RETURNING ${LIST_PRICE}`,
          [productId, price.currency, price.amountMinor, validFrom ?? null, validUntil ?? null],
        );
        if (row === undefined) throw new TypeError('an upsert returns its row');
        const put = toListPrice(row);
        await record(tx, actor, `price ${productId}`, null, put);
        return put;
      }),
    putTaxRate: (country, basisPoints, actor) =>
      db.transaction(async (tx) => {
        await tx.query(
          `INSERT INTO tax_rate (country, basis_points) VALUES ($1, $2)
           ON CONFLICT (country) DO UPDATE SET basis_points = excluded.basis_points`,
          [country, basisPoints],
        );
        await record(tx, actor, `tax ${country}`, null, { basisPoints });
      }),
    putShippingRate: (country, { amountMinor, currency }, actor) =>
      db.transaction(async (tx) => {
        await tx.query(
          `INSERT INTO shipping_rate (country, currency, amount_minor) VALUES ($1, $2, $3)
           ON CONFLICT (country, currency) DO UPDATE SET amount_minor = excluded.amount_minor`,
          [country, currency, amountMinor],
        );
        await record(tx, actor, `shipping ${country}`, null, { amountMinor, currency });
      }),
  };
}

function promotionsOf(
  db: Database,
): Pick<RulesStore, 'promotions' | 'addPromotion' | 'changePromotion' | 'removePromotion'> {
  return {
    promotions: async (afterId, limit) => {
      const rows = await db.query<PromotionRow>(
        'SELECT id, definition FROM promotion WHERE id > $1 ORDER BY id LIMIT $2',
        [afterId, limit],
      );
      return rows.map(toPromotion);
    },
    addPromotion: (promotion, actor) =>
      db.transaction(async (tx) => {
        const definition = toDefinition(promotion);
        const added = await tx.query(
          'INSERT INTO promotion (id, definition) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING id',
          [promotion.id, JSON.stringify(definition)],
        );
        if (added.length === 0) return false;
        await record(tx, actor, `promotion ${promotion.id}`, null, definition);
        return true;
      }),
    changePromotion: (promotion, actor) =>
      db.transaction(async (tx) => {
        const before = await lockPromotion(tx, promotion.id);
        if (before === undefined) return false;
        const definition = toDefinition(promotion);
        await tx.query('UPDATE promotion SET definition = $2 WHERE id = $1', [
          promotion.id,
          JSON.stringify(definition),
        ]);
        await record(tx, actor, `promotion ${promotion.id}`, before.definition, definition);
        return true;
      }),
    removePromotion: (id, actor) =>
      db.transaction(async (tx) => {
        const before = await lockPromotion(tx, id);
        if (before === undefined) return 'unknown';
        const coupons = await tx.query('SELECT 1 FROM coupon WHERE promotion_id = $1 LIMIT 1', [id]);
        if (coupons.length > 0) return 'has-coupons';
        await tx.query('DELETE FROM promotion WHERE id = $1', [id]);
        await record(tx, actor, `promotion ${id}`, before.definition, null);
        return 'removed';
      }),
  };
}

interface ListPriceRow {
  readonly product_id: string;
  readonly currency: string;
  readonly amount_minor: string;
  readonly valid_from: Date;
  readonly valid_until: Date | null;
}

const LIST_PRICE = 'product_id, currency, amount_minor::text, valid_from, valid_until';

function toListPrice(row: ListPriceRow): ListPrice {
  return {
    productId: row.product_id,
    price: { amountMinor: Number(row.amount_minor), currency: row.currency },
    validFrom: row.valid_from,
    validUntil: row.valid_until,
  };
}

function toRules({ version, promotions, taxes, shipping }: RulesRow): PriceRules {
  const taxOf = new Map((taxes ?? []).map(({ country, basis_points }) => [country, basis_points]));
  const shippingOf = new Map(
    (shipping ?? []).map(({ country, currency, amount_minor }) => [`${country} ${currency}`, amount_minor]),
  );
  return {
    version,
    book: bindPromotions((promotions ?? []).map(toPromotion)),
    taxBasisPoints: (country) => taxOf.get(country) ?? 0,
    shippingMinor: (country, currency) => shippingOf.get(`${country} ${currency}`) ?? 0,
  };
}

async function lockPromotion(tx: Transaction, id: string): Promise<PromotionRow | undefined> {
  const [row] = await tx.query<PromotionRow>(
    'SELECT id, definition FROM promotion WHERE id = $1 FOR UPDATE',
    [id],
  );
  return row;
}

async function record(
  tx: Transaction,
  actor: string,
  subject: string,
  before: object | null,
  after: object | null,
): Promise<void> {
  await tx.query('INSERT INTO price_change (actor, subject, before, after) VALUES ($1, $2, $3, $4)', [
    actor,
    subject,
    before && JSON.stringify(before),
    after && JSON.stringify(after),
  ]);
}
