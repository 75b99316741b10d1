import type { Transaction } from '@flotilla/postgres';
import { type Language, languageOf } from './domain/language.ts';

/** How somebody wants to be written to. */
export interface Preferences {
  readonly language: Language;
  readonly orders: boolean;
  readonly shipping: boolean;
}

export interface Chosen {
  readonly userId: string;
  readonly locale: string;
  readonly notifications: Pick<Preferences, 'orders' | 'shipping'>;
  readonly version: number;
}

const KEEP = `
  INSERT INTO recipient AS r (user_id, locale, notify_orders, notify_shipping, version) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (user_id) DO UPDATE SET locale = excluded.locale, notify_orders = excluded.notify_orders,
    notify_shipping = excluded.notify_shipping, version = excluded.version
  WHERE r.version < excluded.version`;

interface RecipientRow {
  readonly locale: string;
  readonly notify_orders: boolean;
  readonly notify_shipping: boolean;
}

/** Of two versions the newer one stays, however they arrive. */
export async function keepPreferences(tx: Transaction, chosen: Chosen): Promise<void> {
  const { userId, locale, notifications, version } = chosen;
  await tx.query(KEEP, [userId, locale, notifications.orders, notifications.shipping, version]);
}

/** Who has chosen nothing is written to about everything, in English. */
export async function preferencesOf(tx: Transaction, userId: string): Promise<Preferences> {
  const [row] = await tx.query<RecipientRow>('SELECT * FROM recipient WHERE user_id = $1', [userId]);
  if (!row) return { language: 'en', orders: true, shipping: true };
  return { language: languageOf(row.locale), orders: row.notify_orders, shipping: row.notify_shipping };
}
