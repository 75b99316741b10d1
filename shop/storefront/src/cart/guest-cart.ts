import type { CartLine } from '../api/types.ts';

/** The limits of the server's cart: what is over them could not be taken over at login. */
const MAX_LINES = 50;
export const MAX_QUANTITY = 1_000;

const ID = /^[A-Za-z0-9_-]{1,64}$/;

/** Lines out of what the browser has kept; what somebody else wrote there is left out. */
export function readLines(text: string | null): readonly CartLine[] {
  try {
    const found: unknown = JSON.parse(text ?? '[]');
    if (!Array.isArray(found)) return [];
    const lines = found.filter(isLine).map(({ productId, quantity }) => ({ productId, quantity }));
    return [...new Map(lines.map((line) => [line.productId, line])).values()].slice(0, MAX_LINES);
  } catch {
    return [];
  }
}

function isLine(line: unknown): line is CartLine {
  if (typeof line !== 'object' || line === null) return false;
  const { productId, quantity } = line as Partial<CartLine>;
  return (
    typeof productId === 'string' &&
    ID.test(productId) &&
    Number.isInteger(quantity) &&
    Number(quantity) >= 1 &&
    Number(quantity) <= MAX_QUANTITY
  );
}

/** 0 takes the product out. */
export function withQuantity(
  lines: readonly CartLine[],
  productId: string,
  quantity: number,
): readonly CartLine[] {
  const limited = Math.min(quantity, MAX_QUANTITY);
  if (limited <= 0) return lines.filter((line) => line.productId !== productId);
  const isThere = lines.some((line) => line.productId === productId);
  if (!isThere) return [...lines, { productId, quantity: limited }];
  return lines.map((line) => (line.productId === productId ? { productId, quantity: limited } : line));
}

/**
 * What a guest's cart changes in the cart of an account: the larger quantity counts, so that taking it over twice, in two tabs
 * or after a crash in between, has the same end as once.
 */
export function changesOfMerge(
  guest: readonly CartLine[],
  account: readonly CartLine[],
): readonly CartLine[] {
  const known = new Map(account.map(({ productId, quantity }) => [productId, quantity]));
  return guest.filter(({ productId, quantity }) => quantity > (known.get(productId) ?? 0));
}
