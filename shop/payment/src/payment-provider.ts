import type { Money } from '@flotilla/kernel';
import type { ProviderOutcome } from './domain/payment.ts';

export interface ChargeRequest {
  /** The same key never charges twice, however often it is sent. */
  readonly key: string;
  readonly amount: Money;
  readonly token: string;
  readonly reference: string;
}

export interface RefundRequest {
  readonly key: string;
  readonly refundKey: string;
  readonly amount: Money;
}

/**
 * Whoever moves the money. Every call throws `PAYMENT_PROVIDER_UNAVAILABLE` when it is not known whether the
 * provider acted, and `PAYMENT_PROVIDER_REFUSED` when the request was wrong.
 */
export interface PaymentProvider {
  /** `'busy'`: refused for now, and certainly not executed. */
  charge(request: ChargeRequest, signal: AbortSignal): Promise<ProviderOutcome | 'busy'>;
  /** What became of a charge; `undefined` when the provider has not seen the key. */
  find(key: string, signal: AbortSignal): Promise<ProviderOutcome | undefined>;
  /** After this nothing will be captured under the key; answers `captured` when that had already happened. */
  voidCharge(key: string, signal: AbortSignal): Promise<ProviderOutcome>;
  /** Gives a captured charge back in full; idempotent by `refundKey`. */
  refund(request: RefundRequest, signal: AbortSignal): Promise<{ readonly refundId: string }>;
}
