import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { LedgerTransaction } from './ledger.ts';
import {
  type ChargeAnswer,
  chargeAnswer,
  decideClose,
  decideOutcome,
  decideRefunded,
  evolve,
  isMismatch,
  type Payment,
  type PaymentChange,
  type ProviderOutcome,
  refundAnswer,
} from './payment.ts';

const amount = { amountMinor: 1_999, currency: 'EUR' };
const pending: Payment = { id: 'p1', orderId: 'o1', status: 'pending', amount, token: 'tok_ok' };
const captured: ProviderOutcome = { status: 'captured', chargeId: 'c1' };
const declined: ProviderOutcome = { status: 'declined', reason: 'card-declined' };
const voided: ProviderOutcome = { status: 'voided' };

function after(payment: Payment, change: PaymentChange | undefined): Payment {
  assert.ok(change, `nothing is decided for ${payment.status}`);
  return evolve(payment, change);
}

describe('a charge', () => {
  it('has no answer while it is pending', () => {
    assert.equal(chargeAnswer(pending), undefined);
  });

  it('is captured with a booking over its amount', () => {
    const change = decideOutcome(pending, captured);
    assert.equal(change?.booking?.kind, 'capture');
    assert.deepEqual(chargeAnswer(after(pending, change)), { status: 'captured', paymentId: 'p1' });
  });

  it('is declined for the reason the provider gives, and books nothing', () => {
    const change = decideOutcome(pending, declined);
    assert.equal(change?.booking, undefined);
    const answer: ChargeAnswer = { status: 'declined', paymentId: 'p1', reason: 'card-declined' };
    assert.deepEqual(chargeAnswer(after(pending, change)), answer);
  });

  it('forgets the token as soon as it is settled', () => {
    for (const outcome of [captured, declined, voided])
      assert.equal(after(pending, decideOutcome(pending, outcome)).token, undefined);
  });

  it('is refused as soon as the order is closed', () => {
    const closed = after(pending, decideClose(pending));
    assert.deepEqual(chargeAnswer(closed), { status: 'declined', paymentId: 'p1', reason: 'order-closed' });
  });

  it('is another one when amount or currency differ', () => {
    assert.equal(isMismatch(pending, amount), false);
    assert.equal(isMismatch(pending, { ...amount, amountMinor: 2_000 }), true);
    assert.equal(isMismatch(pending, { ...amount, currency: 'USD' }), true);
    assert.equal(isMismatch({ id: 'p', orderId: 'o', status: 'voided' }, amount), false);
  });
});

describe('closing an order', () => {
  it('gives back a capture', () => {
    const paid = after(pending, decideOutcome(pending, captured));
    const closing = after(paid, decideClose(paid));
    assert.equal(refundAnswer(closing), undefined);
    const done = after(closing, decideRefunded(closing, 'r1'));
    assert.equal(refundAnswer(done), 'refunded');
  });

  it('gives back a capture that comes to light only then', () => {
    const closing = after(pending, decideClose(pending));
    const late = decideOutcome(closing, captured);
    assert.equal(late?.booking?.kind, 'capture');
    assert.equal(after(closing, late).status, 'refunding');
  });

  it('voids a charge that the provider never made, or declined', () => {
    const closing = after(pending, decideClose(pending));
    assert.equal(refundAnswer(after(closing, decideOutcome(closing, voided))), 'voided');
    assert.equal(refundAnswer(after(closing, decideOutcome(closing, declined))), 'voided');
  });

  it('leaves a declined payment as it is', () => {
    const refused = after(pending, decideOutcome(pending, declined));
    assert.equal(decideClose(refused), undefined);
    assert.equal(refundAnswer(refused), 'voided');
  });
});

/** Whatever the provider and the callers say, in whatever order and however often. */
const happening = fc.oneof(
  fc
    .constantFrom(captured, declined, voided)
    .map((outcome) => (payment: Payment) => decideOutcome(payment, outcome)),
  fc.constant((payment: Payment) => decideClose(payment)),
  fc.constant((payment: Payment) => decideRefunded(payment, 'r1')),
);

/** Lives through the happenings; returns the payment, its bookings, and what the provider owes us. */
function liveThrough(happenings: readonly ((payment: Payment) => PaymentChange | undefined)[]) {
  let payment = pending;
  const booked: LedgerTransaction[] = [];
  for (const decide of happenings) {
    const change = decide(payment);
    if (change) payment = evolve(payment, change);
    if (change?.booking) booked.push(change.booking);
  }
  const clearing = booked
    .flatMap((booking) => booking.entries)
    .filter((entry) => entry.account === 'provider-clearing')
    .reduce((sum, entry) => sum + entry.amount.amountMinor, 0);
  return { payment, kinds: booked.map((booking) => booking.kind).join(), clearing };
}

describe('any sequence of happenings', () => {
  it('books at most one capture, refunds only what was captured, and nets to zero once closed', () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 12 }), (happenings) => {
        const { payment, kinds, clearing } = liveThrough(happenings);
        assert.ok(['', 'capture', 'capture,refund'].includes(kinds), kinds);
        if (refundAnswer(payment) !== undefined) assert.equal(clearing, 0);
        if (payment.status === 'captured') assert.equal(clearing, amount.amountMinor);
      }),
    );
  });
});
