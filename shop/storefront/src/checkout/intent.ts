import type { Address, CartLine } from '../api/types.ts';

/** What is sent to place an order, besides the cart's lines, which the server has. */
export interface OrderBody {
  readonly payment: { readonly token: string };
  readonly shippingAddress: Address;
  readonly quoteId: string;
  readonly coupon?: string;
}

/**
 * A person's wish to order something, once. Its key goes with every attempt, also after a reload: the server knows by it that an order
 * was placed already. Kept from the moment before it is sent until its answer is known.
 */
export interface Intent {
  readonly key: string;
  readonly userId: string;
  readonly lines: readonly CartLine[];
  readonly body: OrderBody;
}

/**
 * The intent to send now. One without an answer is sent as it was, quote included, while somebody wants the same: whether it was
 * carried out, nobody knows. Other lines, another card or another address are another intent.
 */
export function intentFor(
  unanswered: Intent | undefined,
  wanted: Omit<Intent, 'key'>,
  newKey: () => string,
): Intent {
  return unanswered && isSame(unanswered, wanted) ? unanswered : { key: newKey(), ...wanted };
}

function isSame(one: Intent, other: Omit<Intent, 'key'>): boolean {
  return fingerprint(one) === fingerprint(other);
}

/** Without the quote, which is a new one at each look at the page. */
function fingerprint({ userId, lines, body }: Omit<Intent, 'key'>): string {
  const { name, line1, city, postalCode, country } = body.shippingAddress;
  const sorted = lines.map(({ productId, quantity }) => `${productId}*${quantity}`).sort();
  return JSON.stringify([
    userId,
    sorted,
    body.payment.token,
    name,
    line1,
    city,
    postalCode,
    country,
    body.coupon ?? '',
  ]);
}

export function parseIntent(text: string | null): Intent | undefined {
  try {
    const found = JSON.parse(text ?? 'null') as Partial<Intent> | null;
    const isWhole =
      typeof found?.key === 'string' &&
      typeof found.userId === 'string' &&
      Array.isArray(found.lines) &&
      found.body;
    return isWhole ? (found as Intent) : undefined;
  } catch {
    return undefined;
  }
}
