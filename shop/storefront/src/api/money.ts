import type { Money } from './types.ts';

/** One notation on all pages: `€19.99`. */
export function formatMoney({ amountMinor, currency }: Money): string {
  const format = new Intl.NumberFormat('en-IE', { style: 'currency', currency });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  return format.format(amountMinor / 10 ** digits);
}

/** Of lines in one currency; `undefined` where there is none, or several. */
export function totalOf(
  lines: readonly { readonly price: Money; readonly quantity: number }[],
): Money | undefined {
  const [first] = lines;
  if (!first || lines.some(({ price }) => price.currency !== first.price.currency)) return undefined;
  const amountMinor = lines.reduce((sum, { price, quantity }) => sum + price.amountMinor * quantity, 0);
  return { amountMinor, currency: first.price.currency };
}
