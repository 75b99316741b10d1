import type { HttpClient } from '@flotilla/http';
import { BoundedMap, type Clock, type Money } from '@flotilla/kernel';
import { lookUpProducts } from '@shop/contracts';

/** A product as the catalogue lists it. */
export interface Product {
  readonly id: string;
  readonly name: string;
  readonly price: Money;
}

/** Unknown ids are left out. Throws a retryable error when the catalogue cannot be asked. */
export type LookUp = (ids: readonly string[], signal: AbortSignal) => Promise<readonly Product[]>;

export function createLookUp(inventory: HttpClient): LookUp {
  return async (ids, signal) => {
    const { body } = await inventory.call(lookUpProducts, { body: { ids } }, { signal, idempotent: true });
    return body.items;
  };
}

const KEPT_MS = 5_000;
const MAX_KEPT = 10_000;

/**
 * Keeps what was looked up for some seconds: a quote may be so old, since the order that is placed on it is priced by a
 * fresh look. What is unknown is always asked for: it may have been added.
 */
export function keepLookUps(lookUp: LookUp, clock: Clock): LookUp {
  const kept = new BoundedMap<string, { readonly product: Product; readonly until: number }>(MAX_KEPT);

  return async (ids, signal) => {
    const now = clock.now().getTime();
    const known = ids.flatMap((id) => {
      const found = kept.get(id);
      return found && found.until > now ? [found.product] : [];
    });
    if (known.length === ids.length) return known;
    const have = new Set(known.map(({ id }) => id));
    const asked = await lookUp(
      ids.filter((id) => !have.has(id)),
      signal,
    );
    for (const product of asked) kept.set(product.id, { product, until: now + KEPT_MS });
    return [...known, ...asked];
  };
}
