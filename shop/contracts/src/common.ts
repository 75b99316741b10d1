import type { Schema } from '@flotilla/kernel';
import * as s from '@flotilla/kernel/schema';

/** Pieces that several contracts share. Limits live here so that every edge refuses the same inputs. */

export const moneySchema = s.object({
  amountMinor: s.integer({
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    description: 'In minor units: cents.',
  }),
  currency: s.string({ pattern: '^[A-Z]{3}$', description: 'ISO 4217' }),
});

export const timestamp: Schema<string> = s.string({ format: 'date-time' });

export const productId: Schema<string> = s.string({
  minLength: 1,
  maxLength: 64,
  pattern: '^[A-Za-z0-9_-]+$',
});

export const orderId: Schema<string> = s.string({ minLength: 1, maxLength: 64, pattern: '^[A-Za-z0-9_-]+$' });

/** Units of one product in one line; more than this is a mistake or an attack. */
export const quantity: Schema<number> = s.integer({ minimum: 1, maximum: 1_000 });

export const idempotencyKey: Schema<string> = s.string({
  minLength: 1,
  maxLength: 255,
  pattern: '^[\\x21-\\x7e]+$',
});

/** No control characters, no line breaks, no broken surrogates: text that can be stored, logged and mailed. */
export const ONE_LINE = '^[^\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}]*$';

const line = (maxLength: number): Schema<string> =>
  s.string({ minLength: 1, maxLength, pattern: ONE_LINE, 'x-pii': true });

export const addressSchema = s.object({
  name: line(200),
  line1: line(200),
  city: line(100),
  postalCode: line(20),
  country: s.string({ pattern: '^[A-Z]{2}$', description: 'ISO 3166-1 alpha-2' }),
});

export const paymentSchema = s.object({
  token: s.string({
    minLength: 1,
    maxLength: 255,
    pattern: '^[\\x21-\\x7e]+$',
    description: 'From the payment provider.',
    'x-pii': true,
  }),
});

/** One line of an order with the price it was sold at. */
export const orderLineSchema = s.object({
  productId,
  name: s.string(),
  quantity,
  unitPrice: moneySchema,
});

export const pageQuery = {
  limit: s.optional(s.integer({ minimum: 1, maximum: 100 })),
  cursor: s.optional(s.string({ maxLength: 512 })),
};

export function pageOf<T>(
  item: Schema<T>,
): Schema<{ readonly items: readonly T[]; readonly next: string | null }> {
  return s.object({
    items: s.array(item),
    next: s.nullable(s.string({ description: 'Cursor of the next page.' })),
  });
}
