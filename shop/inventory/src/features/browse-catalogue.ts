import { accept, type Result, reject } from '@flotilla/kernel';
import type { CatalogueProduct, CatalogueStore } from '../catalogue-store.ts';

export interface BrowseQuery {
  readonly q?: string;
  readonly limit?: number;
  readonly cursor?: string;
}

export interface Page {
  readonly items: readonly CatalogueProduct[];
  readonly next: string | null;
}

const DEFAULT_LIMIT = 20;

/** One page of the catalogue in a stable order. A page starts after an id, so it survives products coming and going. */
export async function browseCatalogue(
  catalogue: CatalogueStore,
  { q = '', limit = DEFAULT_LIMIT, cursor }: BrowseQuery,
): Promise<Result<Page, 'bad-cursor'>> {
  const afterId = cursor === undefined ? '' : parseCursor(cursor);
  if (afterId === undefined) return reject('bad-cursor');
  const words = q.split(/\s+/).filter((word) => word !== '');
  const found = await catalogue.list({ words, afterId, limit: limit + 1 });
  const items = found.slice(0, limit);
  const last = items.at(-1);
  return accept({ items, next: found.length > limit && last ? formatCursor(last.id) : null });
}

function formatCursor(id: string): string {
  return Buffer.from(id).toString('base64url');
}

function parseCursor(cursor: string): string | undefined {
  const id = Buffer.from(cursor, 'base64url').toString();
  return /^[A-Za-z0-9_-]{1,64}$/.test(id) && formatCursor(id) === cursor ? id : undefined;
}
