import type { Money } from '@flotilla/kernel';

/** What mails are written in. */
export type Language = 'en' | 'de';

/** The language of a locale (BCP 47), or English where there is no such translation. */
export function languageOf(locale: string | undefined): Language {
  return locale === 'de' || locale?.startsWith('de-') ? 'de' : 'en';
}

/** An amount as people write it, with as many decimals as its currency has: `€19.99`, `19,99 €`, `¥500`. */
export function moneyText({ amountMinor, currency }: Money, language: Language): string {
  const format = new Intl.NumberFormat(language, { style: 'currency', currency });
  const decimals = format.resolvedOptions().maximumFractionDigits ?? 2;
  return format.format(amountMinor / 10 ** decimals);
}

/** `2026-12-01 10:30 UTC`: the same in every language, and never mistaken for another day. */
export function moment(iso: string): string {
  return `${new Date(iso).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
