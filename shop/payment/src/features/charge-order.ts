import { crashPoint } from '@flotilla/kernel';
import {
  type ChargeAnswer,
  chargeAnswer,
  isMismatch,
  type Payment,
  type ProviderOutcome,
} from '../domain/payment.ts';
import { paymentError } from '../errors.ts';
import type { ChargeRequest } from '../payment-provider.ts';
import type { ChargeIntent } from '../payment-store.ts';
import {
  isProviderUnavailable,
  type PaymentDeps,
  recordOutcome,
  takeTurn,
  underLease,
} from '../settlement.ts';

const TRIES = 4;
const BACKOFF_FIRST_MS = 50;
const BACKOFF_MOST_MS = 200;

/**
 * Charges an order once, whoever asks and however often. The intent is on disk before the provider is asked, so
 * that a crash at any point leaves a key to ask the provider by. Throws a retryable error while the outcome is
 * not known.
 */
export async function chargeOrder(
  deps: PaymentDeps,
  intent: ChargeIntent,
  signal: AbortSignal,
): Promise<ChargeAnswer | 'mismatch'> {
  const holder = deps.newId();
  crashPoint('payment.before-intent-commit');
  const opened = await deps.store.open(intent, holder);
  if (opened) crashPoint('payment.after-intent-commit');
  const isSettled = (payment: Payment) =>
    isMismatch(payment, intent.amount) || chargeAnswer(payment) !== undefined;
  const payment = opened ?? (await takeTurn(deps, intent.orderId, { holder, isSettled }, signal));
  if (isMismatch(payment, intent.amount)) return 'mismatch';
  const settled = chargeAnswer(payment);
  if (settled) return settled;

  const turn = { holder, triedBefore: !opened };
  const recorded = await underLease(deps, payment, holder, () => settleCharge(deps, payment, turn, signal));
  const answer = chargeAnswer(recorded);
  if (!answer)
    throw paymentError('PAYMENT_OUTCOME_UNKNOWN', 'the payment is still open after its outcome was recorded');
  return answer;
}

/** Charges a pending payment that `holder` has the lease of, and records the outcome; returns how it stands then. */
export async function settleCharge(
  deps: PaymentDeps,
  payment: Payment,
  { holder, triedBefore }: { readonly holder: string; readonly triedBefore: boolean },
  signal: AbortSignal,
): Promise<Payment> {
  // Somebody else has been at it before: their charge may have gone through.
  const known = triedBefore ? await deps.provider.find(payment.id, signal) : undefined;
  const outcome = known ?? (await obtainOutcome(deps, payment, holder, signal));
  crashPoint('payment.after-provider-call');
  return await recordOutcome(deps, payment, outcome, holder);
}

/** Charges under the payment's one key until the provider has said what became of it. */
async function obtainOutcome(
  deps: PaymentDeps,
  payment: Payment,
  holder: string,
  signal: AbortSignal,
): Promise<ProviderOutcome> {
  const request = toRequest(payment);
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await attemptCharge(deps, request, signal);
    if (outcome) return outcome;
    if (attempt === TRIES) throw paymentError('PAYMENT_OUTCOME_UNKNOWN', `no outcome after ${TRIES} tries`);
    await deps.clock.sleep(deps.random() * backoffMs(attempt), signal);
    // Somebody may have closed the order meanwhile: then it must not be charged any more.
    if (!(await deps.store.lease(payment.id, holder)))
      throw paymentError('PAYMENT_IN_PROGRESS', 'the payment was taken over by somebody else');
  }
}

/** `undefined`: nothing was captured under this key, so it may be tried again. */
async function attemptCharge(
  deps: PaymentDeps,
  request: ChargeRequest,
  signal: AbortSignal,
): Promise<ProviderOutcome | undefined> {
  try {
    crashPoint('payment.before-provider-call');
    const answer = await deps.provider.charge(request, signal);
    return answer === 'busy' ? undefined : answer;
  } catch (error) {
    if (!isProviderUnavailable(error)) throw error;
    deps.logger.warn({ err: error, paymentId: request.key }, 'a charge was not answered; asking by key');
    return await deps.provider.find(request.key, signal);
  }
}

function backoffMs(attempt: number): number {
  return Math.min(BACKOFF_MOST_MS, BACKOFF_FIRST_MS * 2 ** (attempt - 1));
}

function toRequest(payment: Payment): ChargeRequest {
  const { id, orderId, amount, token } = payment;
  if (amount === undefined || token === undefined)
    throw new Error('a pending payment has an amount and a token');
  return { key: id, amount, token, reference: orderId };
}
