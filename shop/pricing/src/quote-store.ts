import type { Money } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { Evaluation } from './domain/evaluate.ts';
import type { Quote, QuoteRequest } from './domain/quote.ts';

/** What changes with every quote of what a price depends on, read at one moment. */
export interface Moment {
  readonly at: Date;
  /** Of promotions and rates. */
  readonly rulesVersion: string;
  /** The list prices that are valid now. */
  readonly prices: readonly { readonly productId: string; readonly price: Money }[];
}

export interface QuoteStore {
  moment(productIds: readonly string[]): Promise<Moment>;
  save(quote: Quote): Promise<void>;
  find(id: string, customerId: string): Promise<(Quote & { readonly isExpired: boolean }) | undefined>;
  /** Forgets quotes that ended longer ago. */
  forget(hours: number): Promise<void>;
}

interface MomentRow {
  readonly at: Date;
  readonly version: string;
  readonly prices:
    | readonly { readonly product_id: string; readonly currency: string; readonly amount_minor: number }[]
    | null;
}

const MOMENT = `
  SELECT now() AS at, version::text,
    (SELECT json_agg(p) FROM (
      SELECT product_id, currency, amount_minor FROM (
        SELECT DISTINCT ON (product_id, currency) product_id, currency, amount_minor, valid_until
        FROM list_price WHERE product_id = ANY($1::text[]) AND valid_from <= now()
        ORDER BY product_id, currency, valid_from DESC) begun
      WHERE valid_until IS NULL OR valid_until > now()) p) AS prices
  FROM price_rules`;

export function createQuoteStore(db: Database): QuoteStore {
  return {
    moment: async (productIds) => {
      const [row] = await db.query<MomentRow>(MOMENT, [productIds]);
      if (row === undefined) throw new TypeError('the row of the rules is made by a migration');
      const prices = (row.prices ?? []).map(({ product_id, currency, amount_minor }) => ({
        productId: product_id,
        price: { amountMinor: amount_minor, currency },
      }));
      return { at: row.at, rulesVersion: row.version, prices };
    },
    save: async ({ id, customerId, request, evaluation, expiresAt }) => {
      await db.query(
        'INSERT INTO quote (id, customer_id, request, evaluation, expires_at) VALUES ($1, $2, $3, $4, $5)',
        [id, customerId, JSON.stringify(request), JSON.stringify(evaluation), expiresAt],
      );
    },
    find: async (id, customerId) => {
      const [row] = await db.query<QuoteRow>(
        `SELECT request, evaluation, expires_at, expires_at <= now() AS expired
         FROM quote WHERE id = $1 AND customer_id = $2`,
        [id, customerId],
      );
      if (row === undefined) return undefined;
      const { request, evaluation, expires_at: expiresAt, expired: isExpired } = row;
      return { id, customerId, request, evaluation, expiresAt, isExpired };
    },
    forget: async (hours) => {
      await db.query('DELETE FROM quote WHERE expires_at < now() - make_interval(hours => $1)', [hours]);
    },
  };
}

interface QuoteRow {
  readonly request: QuoteRequest;
  readonly evaluation: Evaluation;
  readonly expires_at: Date;
  readonly expired: boolean;
}
