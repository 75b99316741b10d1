import { RequestError } from './request.ts';

/** What the stable codes of the shop mean to a person. */
const WORDS: Readonly<Record<string, string>> = {
  unreachable: 'The shop cannot be reached at the moment.',
  'cart-full': 'The basket is full: it holds 50 different products.',
  'unknown-product': 'This product is no longer sold.',
  'quantity-limit': 'That is more of one product than an order may have.',
  'cart-empty': 'Your basket is empty.',
  'mixed-currencies':
    'The products in your basket are sold in different currencies; please order them apart.',
  'no-price': 'One of the products has no price in this currency.',
  'coupon-unknown': 'There is no such code.',
  'coupon-expired': 'This code has expired.',
  'coupon-used': 'This code has been used already.',
  'quote-expired':
    'The prices had been calculated too long ago. They are fresh now: please look at them once more.',
  'quote-unknown':
    'The prices had been calculated too long ago. They are fresh now: please look at them once more.',
  'idempotency-key-reused':
    'This order was sent before with other contents. Nothing was ordered twice; please try again.',
  'out-of-stock': 'Something in your order was sold out before it could be reserved.',
  'payment-declined': 'The card was declined. Nothing was charged.',
  'shipping-unavailable': 'We cannot ship to this country. What was charged has been refunded.',
  'cancelled-by-customer': 'You cancelled this order.',
  'processing-failed': 'Something went wrong on our side. Whatever was charged has been refunded.',
  'order-expired': 'The order could not be completed in time. Whatever was charged has been refunded.',
  'too-late': 'It is too late to cancel: the order is on its way.',
  'order-not-found': 'There is no such order in your account.',
  'product-not-found': 'There is no such product.',
  'email-taken': 'There is an account with this e-mail address already.',
  'weak-password': 'Please choose a longer or less common password.',
  'too-many-attempts': 'Too many attempts.',
  csrf: 'The request did not come from this page. Please reload it.',
};

const BY_STATUS: Readonly<Record<number, string>> = {
  401: 'You are signed out. Please sign in again.',
  403: 'Your account may not do that.',
  404: 'There is nothing here.',
  429: 'The shop is asked too much at the moment.',
};

/** One or two sentences about a failure; never what a machine said. */
export function wordsOf(error: unknown): string {
  if (!(error instanceof RequestError)) return 'Something went wrong on this page.';
  return (
    wordsOfCode(error.code) ??
    BY_STATUS[error.status] ??
    (error.status >= 500
      ? 'A part of the shop does not answer at the moment.'
      : 'The shop did not accept that. Please check what you entered.')
  );
}

export function wordsOfCode(code: string): string | undefined {
  return Object.hasOwn(WORDS, code) ? WORDS[code] : undefined;
}
