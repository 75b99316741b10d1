import { useQueries } from '@tanstack/react-query';
import { availabilityQuery, productQuery } from '../api/catalogue.ts';
import { RequestError } from '../api/request.ts';
import type { CartLine, Product } from '../api/types.ts';

/** A line of the cart with what is known about its product at the moment. */
export interface KnownLine extends CartLine {
  /** `undefined` while it is on its way, or when nobody knows. */
  readonly product: Product | undefined;
  /** How many are left; `undefined` when nobody knows. */
  readonly left: number | undefined;
  /** It is sold no more. */
  readonly isGone: boolean;
}

/** `isComplete`: everything about every product is there, so that there is a sum. */
export function useLines(lines: readonly CartLine[]): {
  readonly known: readonly KnownLine[];
  readonly isComplete: boolean;
} {
  const products = useQueries({ queries: lines.map(({ productId }) => productQuery(productId)) });
  const stocks = useQueries({
    queries: lines.map(({ productId, quantity }) => availabilityQuery(productId, quantity)),
  });
  const known = lines.map((line, index) => {
    const { data: product, error } = products[index] ?? {};
    const isGone = error instanceof RequestError && error.status === 404;
    return { ...line, product, left: isGone ? 0 : stocks[index]?.data?.currentStock, isGone };
  });
  return { known, isComplete: known.every(({ product }) => product !== undefined) };
}

/** Lines of which there is not enough: what would be refused after paying is said before. */
export function shortOf(known: readonly KnownLine[]): readonly KnownLine[] {
  return known.filter(({ left, quantity }) => left !== undefined && left < quantity);
}
