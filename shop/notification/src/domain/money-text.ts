import type { Money } from '@flotilla/kernel';

/** An amount as people write it, with as many decimals as its currency has: `€19.99`, `¥500`. */
export function moneyText({ amountMinor, currency }: Money): string {
  const format = new Intl.NumberFormat('en', { style: 'currency', currency });
  const decimals = format.resolvedOptions().maximumFractionDigits ?? 2;
  return format.format(amountMinor / 10 ** decimals);
}
