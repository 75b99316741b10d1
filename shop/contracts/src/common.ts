import type { Schema } from '@flotilla/kernel';
import * as s from '@flotilla/kernel/schema';

/** Pieces that several contracts share. Limits live here so that every edge refuses the same inputs. */

export const moneySchema = s.named(
  'Money',
  s.object({
    amountMinor: s.integer({
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      format: 'int64',
      description: 'In minor units: cents.',
      examples: [1999],
    }),
    currency: s.string({ pattern: '^[A-Z]{3}$', description: 'ISO 4217', examples: ['EUR'] }),
  }),
);

export const timestamp: Schema<string> = s.string({ format: 'date-time' });

export const productId: Schema<string> = s.string({
  minLength: 1,
  maxLength: 64,
  pattern: '^[A-Za-z0-9_-]+$',
  examples: ['sku-0001'],
});

export const orderId: Schema<string> = s.string({ minLength: 1, maxLength: 64, pattern: '^[A-Za-z0-9_-]+$' });

/** Units of one product in one order; more than this is a mistake or an attack. */
export const MAX_QUANTITY = 1_000;

export const quantity: Schema<number> = s.integer({ minimum: 1, maximum: MAX_QUANTITY, examples: [1] });

export const idempotencyKey: Schema<string> = s.string({
  minLength: 1,
  maxLength: 255,
  pattern: '^[\\x21-\\x7e]+$',
  description:
    'Chosen by the client, new for each order. Sent again with the same body it has the same answer.',
});

/** Request headers of what places an order, as documents show them: the service refuses a bad key by codes of its own. */
export const documentedOrderingHeaders = s.object({
  'Idempotency-Key': idempotencyKey,
  Prefer: s.optional(
    s.string({
      description:
        '`wait=N`: answer when the order has ended, after N seconds at the latest, 1 to 30. Anything else is ignored.',
      examples: ['wait=10'],
    }),
  ),
});

/** Where to ask for what a request has made. */
export const locationHeader = s.object({
  Location: s.string({ format: 'uri-reference', description: 'Where the order is.' }),
});

export const retryAfterHeader = s.object({
  'Retry-After': s.optional(s.integer({ description: 'Seconds to wait before the next try.' })),
});

/** No control characters, no line breaks, no broken surrogates: text that can be stored, logged and mailed. */
export const ONE_LINE = '^[^\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}]*$';

const line = (maxLength: number, example: string): Schema<string> =>
  s.string({ minLength: 1, maxLength, pattern: ONE_LINE, 'x-pii': true, examples: [example] });

export const country: Schema<string> = s.string({
  pattern: '^[A-Z]{2}$',
  description: 'ISO 3166-1 alpha-2',
  examples: ['AT'],
});

export const addressSchema = s.named(
  'Address',
  s.object({
    name: line(200, 'Alice'),
    line1: line(200, '1 Main Street'),
    city: line(100, 'Graz'),
    postalCode: line(20, '8010'),
    country,
  }),
);

/** Upper and lower case are the same coupon. */
export const couponCode: Schema<string> = s.string({
  minLength: 1,
  maxLength: 40,
  pattern: '^[A-Za-z0-9_-]+$',
  examples: ['WELCOME10'],
});

/** A discount and its reason. */
export const reductionSchema = s.named(
  'Reduction',
  s.object({
    code: s.string({ description: "The coupon's code, or the promotion's id.", examples: ['WELCOME10'] }),
    name: s.string({ examples: ['10 % for new customers'] }),
    amount: moneySchema,
  }),
);

export const quoteId: Schema<string> = s.string({ format: 'uuid', description: 'From POST /quotes.' });

export const paymentSchema = s.named(
  'PaymentMethod',
  s.object({
    token: s.string({
      minLength: 1,
      maxLength: 255,
      pattern: '^[\\x21-\\x7e]+$',
      description: 'From the payment provider.',
      'x-pii': true,
      examples: ['tok_ok'],
    }),
  }),
);

/** One line of an order with the price it was sold at. */
export const orderLineSchema = s.named(
  'OrderLine',
  s.object({
    productId,
    name: s.string({ examples: ['Trail jacket'] }),
    quantity,
    unitPrice: moneySchema,
  }),
);

export const pageQuery = {
  limit: s.optional(s.integer({ minimum: 1, maximum: 100 })),
  cursor: s.optional(s.string({ maxLength: 512 })),
};

export function pageOf<T>(
  name: string,
  item: Schema<T>,
): Schema<{ readonly items: readonly T[]; readonly next: string | null }> {
  return s.named(
    name,
    s.object({
      items: s.array(item),
      next: s.nullable(s.string({ description: 'Cursor of the next page.' })),
    }),
  );
}
