import type { HttpClient } from '@flotilla/http';
import type { Static } from '@flotilla/kernel';
import { listProducts, type productSchema, showProducts } from '@shop/contracts';

export type Product = Static<typeof productSchema>;

/** What the catalogue shows. Throws a retryable error when it cannot be asked. */
export interface Catalogue {
  /** In the order of asking; unknown products are left out. */
  show(ids: readonly string[], signal: AbortSignal): Promise<readonly Product[]>;
  /** Ids of products in the catalogue's own order. */
  first(limit: number, signal: AbortSignal): Promise<readonly string[]>;
}

export function createCatalogue(inventory: HttpClient): Catalogue {
  return {
    show: async (ids, signal) => {
      if (ids.length === 0) return [];
      const { body } = await inventory.call(showProducts, { body: { ids } }, { signal, idempotent: true });
      return body.items;
    },
    first: async (limit, signal) => {
      const { body } = await inventory.call(listProducts, { query: { limit } }, { signal });
      return body.items.map(({ id }) => id);
    },
  };
}
