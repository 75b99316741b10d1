import type { HttpClient } from '@flotilla/http';
import { isPlatformError, isRetryable } from '@flotilla/kernel';
import { createCharge, createRefund, getCharge, voidCharge } from '@shop/contracts';
import type { ProviderOutcome } from './domain/payment.ts';
import { paymentError } from './errors.ts';
import type { PaymentProvider } from './payment-provider.ts';

/** Longest wait for one answer; an unanswered charge is then looked up by its key. */
const CALL_TIMEOUT_MS = 4_000;

export function createHttpPaymentProvider(
  client: HttpClient,
  timeoutMs: number = CALL_TIMEOUT_MS,
): PaymentProvider {
  return {
    charge: async ({ key, amount, token, reference }, signal) => {
      const input = { headers: { 'idempotency-key': key }, body: { amount, token, reference } };
      const answer = await asking(client.call(createCharge, input, { signal, timeoutMs }));
      if (answer.status === 503) return 'busy';
      if (answer.status === 201) return { status: 'captured', chargeId: answer.body.id };
      return toOutcome(answer.body);
    },
    find: async (key, signal) => {
      const answer = await asking(client.call(getCharge, { params: { key } }, { signal, timeoutMs }));
      return answer.status === 404 ? undefined : toOutcome(answer.body);
    },
    voidCharge: async (key, signal) => {
      const answer = await asking(client.call(voidCharge, { params: { key } }, { signal, timeoutMs }));
      return toOutcome(answer.body);
    },
    refund: async ({ key, refundKey, amount }, signal) => {
      const input = { params: { key }, headers: { 'idempotency-key': refundKey }, body: { amount } };
      const answer = await asking(client.call(createRefund, input, { signal, timeoutMs }));
      if (answer.status === 404)
        throw paymentError(
          'PAYMENT_PROVIDER_REFUSED',
          'the provider does not know a charge that it captured',
        );
      return { refundId: answer.body.id };
    },
  };
}

function toOutcome(charge: {
  readonly id: string;
  readonly status: 'captured' | 'declined' | 'voided';
  readonly reason?: string;
}): ProviderOutcome {
  if (charge.status === 'captured') return { status: 'captured', chargeId: charge.id };
  if (charge.status === 'voided') return { status: 'voided' };
  return { status: 'declined', reason: charge.reason ?? 'declined' };
}

async function asking<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    const aborted = isPlatformError(error) && error.code === 'HTTP_ABORTED';
    throw isRetryable(error) || aborted
      ? paymentError('PAYMENT_PROVIDER_UNAVAILABLE', 'the payment provider gave no answer', { cause: error })
      : paymentError('PAYMENT_PROVIDER_REFUSED', 'the payment provider refused the request', {
          cause: error,
        });
  }
}
