/** A quantity of one product. */
export interface StockLine {
  readonly productId: string;
  readonly quantity: number;
}

/** How much of a product nobody holds. */
export interface FreeStock {
  readonly productId: string;
  readonly free: number;
}

/**
 * One line a product, in product order: the order in which rows are locked, so that two orders of the same
 * products wait for each other instead of deadlocking.
 */
export function mergeLines(lines: readonly StockLine[]): readonly StockLine[] {
  const quantities = new Map<string, number>();
  for (const { productId, quantity } of lines) {
    quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
  }
  return [...quantities]
    .map(([productId, quantity]) => ({ productId, quantity }))
    .sort((a, b) => (a.productId < b.productId ? -1 : 1));
}

/** Both lists as `mergeLines` gives them. */
export function sameLines(a: readonly StockLine[], b: readonly StockLine[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ productId, quantity }, at) => b[at]?.productId === productId && b[at]?.quantity === quantity)
  );
}

export type Shortage = 'unknown-product' | 'out-of-stock';

/** Why the lines cannot be taken; `undefined` when they can. A product that does not exist weighs more. */
export function findShortage(lines: readonly StockLine[], stock: readonly FreeStock[]): Shortage | undefined {
  const free = new Map(stock.map((row) => [row.productId, row.free]));
  if (lines.some(({ productId }) => !free.has(productId))) return 'unknown-product';
  return lines.some(({ productId, quantity }) => quantity > (free.get(productId) ?? 0))
    ? 'out-of-stock'
    : undefined;
}
