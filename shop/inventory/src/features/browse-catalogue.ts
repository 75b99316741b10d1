import { accept, type Result, reject } from '@flotilla/kernel';
import type {
  CataloguePosition,
  CatalogueProduct,
  CatalogueSort,
  CatalogueStore,
} from '../catalogue-store.ts';

export interface BrowseQuery {
  readonly q?: string;
  readonly sort?: Exclude<CatalogueSort, 'id'>;
  /** In minor units, like `maxPrice`. */
  readonly minPrice?: number;
  readonly maxPrice?: number;
  readonly inStock?: boolean;
  readonly limit?: number;
  readonly cursor?: string;
}

export interface Page {
  readonly items: readonly CatalogueProduct[];
  readonly next: string | null;
}

const DEFAULT_LIMIT = 20;
const MAX_PRICE_MINOR = 2_147_483_647;

/**
 * One page of the catalogue in a stable order. A page starts after a product, so it survives products coming and going; one whose
 * price changes meanwhile may be seen twice or not at all, as anywhere.
 */
export async function browseCatalogue(
  catalogue: CatalogueStore,
  {
    q = '',
    sort,
    minPrice = 0,
    maxPrice = MAX_PRICE_MINOR,
    inStock = false,
    limit = DEFAULT_LIMIT,
    cursor,
  }: BrowseQuery,
): Promise<Result<Page, 'bad-cursor'>> {
  const order: CatalogueSort = sort ?? 'id';
  const after = cursor === undefined ? undefined : parseCursor(order, cursor);
  if (cursor !== undefined && after === undefined) return reject('bad-cursor');
  const found = await catalogue.list({
    words: q.split(/\s+/).filter((word) => word !== ''),
    sort: order,
    minPriceMinor: minPrice,
    maxPriceMinor: maxPrice,
    onlyInStock: inStock,
    after,
    limit: limit + 1,
  });
  const items = found.slice(0, limit);
  const last = items.at(-1);
  return accept({ items, next: found.length > limit && last ? formatCursor(order, last.position) : null });
}

/** By id it is the id alone; else it names its order, so that none is taken for a place in another. */
function formatCursor(sort: CatalogueSort, { id, key }: CataloguePosition): string {
  return Buffer.from(sort === 'id' ? id : `${sort}:${id}:${key}`).toString('base64url');
}

const PRICE = /^\d{1,10}$/;

function parseCursor(sort: CatalogueSort, cursor: string): CataloguePosition | undefined {
  const text = Buffer.from(cursor, 'base64url').toString();
  const [, found = 'id', id = '', key = ''] =
    /^(?:(name|-?price):)?([A-Za-z0-9_-]{1,64})(?::(.*))?$/su.exec(text) ?? [];
  const isKey =
    sort === 'id' ? key === '' : sort === 'name' || (PRICE.test(key) && Number(key) <= MAX_PRICE_MINOR);
  const position = { id, key };
  return found === sort && isKey && !key.includes('\0') && formatCursor(sort, position) === cursor
    ? position
    : undefined;
}
