import { PlatformError, type PlatformErrorOptions } from '@flotilla/kernel';

/**
 * - `PAYMENT_PROVIDER_UNAVAILABLE` (retryable): the provider could not be reached, or did not answer in time.
 *   Whether it acted is unknown; asking it by key tells.
 * - `PAYMENT_OUTCOME_UNKNOWN` (retryable): the provider did not say in time what became of the charge. The
 *   payment stays open; asking again, or the resolver, settles it.
 * - `PAYMENT_IN_PROGRESS` (retryable): another request is settling the same payment and has not finished in time.
 * - `PAYMENT_PROVIDER_REFUSED`: the provider refused our request as wrong (credentials, another body under a
 *   used key, a refund it cannot make). A defect or a mistake in configuration.
 */
export type PaymentErrorCode =
  | 'PAYMENT_PROVIDER_UNAVAILABLE'
  | 'PAYMENT_OUTCOME_UNKNOWN'
  | 'PAYMENT_IN_PROGRESS'
  | 'PAYMENT_PROVIDER_REFUSED';

const RETRYABLE: ReadonlySet<PaymentErrorCode> = new Set([
  'PAYMENT_PROVIDER_UNAVAILABLE',
  'PAYMENT_OUTCOME_UNKNOWN',
  'PAYMENT_IN_PROGRESS',
]);

export function paymentError(
  code: PaymentErrorCode,
  message: string,
  options: Omit<PlatformErrorOptions, 'retryable'> = {},
): PlatformError<PaymentErrorCode> {
  return new PlatformError(code, message, { ...options, retryable: RETRYABLE.has(code) });
}
