import { eventually } from '@flotilla/kernel/testing';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

/** The fields of all the shop's answers that the checks look at; each answer has some of them. */
export interface Body {
  readonly id?: string;
  readonly orderId?: string;
  readonly status?: string | number;
  readonly code?: string;
  readonly traceId?: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
  readonly cancellationReason?: string;
  readonly history?: readonly { readonly status: string; readonly at: string }[];
  readonly items?: readonly {
    readonly id: string;
    readonly status: string;
    readonly productId: string;
    readonly quantity: number;
    readonly unitPrice: { readonly amountMinor: number };
  }[];
  readonly discounts?: readonly { readonly code: string }[];
  readonly quote?: { readonly id: string; readonly total: { readonly amountMinor: number } };
  readonly next?: string | null;
  readonly total?: { readonly amountMinor: number };
  readonly price?: { readonly amountMinor: number };
  readonly currentStock?: number;
  readonly accessToken?: string;
  readonly refreshToken?: string;
}

export interface CallOptions {
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Sent as it is, for bodies that are not JSON. */
  readonly rawBody?: string;
}

export interface OrderWish {
  readonly sku?: string;
  readonly quantity?: number;
  readonly payment?: string;
  readonly country?: string;
  readonly key?: string;
  readonly waitSeconds?: number;
  readonly user?: string;
  /** What its price is agreed on, where that is not the price list. */
  readonly agreedOn?: { readonly quoteId?: string | undefined; readonly coupon?: string };
}

export function orderBody(wish: OrderWish = {}): object {
  return {
    items: [{ productId: wish.sku ?? 'sku-0001', quantity: wish.quantity ?? 1 }],
    payment: { token: wish.payment ?? 'tok_ok' },
    shippingAddress: {
      name: 'A. Customer',
      line1: '1 Main Street',
      city: 'Graz',
      postalCode: '8010',
      country: wish.country ?? 'AT',
    },
    ...wish.agreedOn,
  };
}

/** Asks the shop at its gateway; waits a minute at most. */
export async function callShop(
  base: string,
  method: string,
  path: string,
  options: CallOptions = {},
): Promise<Answer> {
  const hasBody = options.body !== undefined || options.rawBody !== undefined;
  const response = await fetch(base + path, {
    method,
    headers: {
      ...(hasBody && { 'content-type': 'application/json' }),
      ...(options.token && { authorization: `Bearer ${options.token}` }),
      ...options.headers,
    },
    ...(hasBody && { body: options.rawBody ?? JSON.stringify(options.body) }),
    signal: AbortSignal.timeout(60_000),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: parseBody(text) };
}

/**
 * Asks again, for two minutes at most, while it is put off (503): on a busy machine, or when a service has just started.
 */
export async function untilServed(ask: () => Promise<Answer>): Promise<Answer> {
  const served = async () => {
    const answer = await ask();
    return answer.status !== 503 && answer;
  };
  return await eventually('it is served', served, 120_000, 250);
}

function parseBody(text: string): Body {
  try {
    return JSON.parse(text) as Body;
  } catch {
    return {};
  }
}
