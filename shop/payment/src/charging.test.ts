import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { isPlatformError, systemClock } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { startTestPayment, type TestPayment } from './testing.ts';

const captured = { status: 'captured', bookings: 'capture', clearing: 1_999 };
const providerCaptured = { providerStatus: 'captured', providerRefunds: 0 };

/** The service says "ask again": 503 to its callers. */
const askAgain = (error: unknown) => isPlatformError(error) && error.code === 'HTTP_UNAVAILABLE';

describe('charging an order', () => {
  let payment: TestPayment;
  before(async () => {
    payment = await startTestPayment({ timeoutMs: 4_000, leaseMs: 6_000 });
  });
  after(() => payment.close());

  for (const token of ['tok_ok', 'tok_flaky', 'tok_slow', 'tok_timeout'])
    it(`captures ${token} once, with a ledger that agrees with the provider`, async () => {
      const orderId = randomUUID();
      assert.equal((await payment.charge(orderId, token)).status, 'captured');
      assert.deepEqual(await payment.state(orderId), { ...captured, ...providerCaptured });
    });

  for (const [token, reason] of [
    ['tok_declined', 'card-declined'],
    ['tok_whatever', 'invalid-token'],
    ['__proto__', 'invalid-token'],
  ] as const)
    it(`declines ${token} and books nothing`, async () => {
      const orderId = randomUUID();
      const answer = await payment.charge(orderId, token);
      assert.deepEqual({ status: answer.status, reason: answer.reason }, { status: 'declined', reason });
      const state = await payment.state(orderId);
      assert.deepEqual([state.status, state.bookings, state.providerStatus], ['declined', '', 'declined']);
    });

  it('gives the same answer again, whatever the token says by then', async () => {
    const orderId = randomUUID();
    const first = await payment.charge(orderId, 'tok_ok');
    assert.deepEqual(await payment.charge(orderId, 'tok_declined'), first);
    const declinedId = randomUUID();
    const refusal = await payment.charge(declinedId, 'tok_declined');
    assert.deepEqual(await payment.charge(declinedId, 'tok_ok'), refusal);
  });

  it('charges once for ten callers at the same time', async () => {
    const orderId = randomUUID();
    const answers = await Promise.all(Array.from({ length: 10 }, () => payment.charge(orderId, 'tok_flaky')));
    assert.equal(new Set(answers.map((answer) => JSON.stringify(answer))).size, 1);
    assert.deepEqual(await payment.state(orderId), { ...captured, ...providerCaptured });
  });

  it('refuses another amount for the same order', async () => {
    const orderId = randomUUID();
    await payment.charge(orderId, 'tok_ok');
    const other = payment.charge(orderId, 'tok_ok', { amountMinor: 1, currency: 'EUR' });
    await assert.rejects(other, (error) => {
      assert.ok(isPlatformError(error));
      assert.equal(error.details['status'], 409);
      assert.deepEqual((error.details['problem'] as { code: string }).code, 'payment-mismatch');
      return true;
    });
    assert.equal((await payment.state(orderId)).clearing, 1_999);
  });

  it('keeps the token only while the charge is pending', async () => {
    const rows = await payment.database.db.query(
      "SELECT id FROM payment WHERE provider_token IS NOT NULL AND status <> 'pending'",
    );
    assert.deepEqual(rows, []);
  });
});

describe('charging while the provider fails', () => {
  let payment: TestPayment;
  const slowCharge = Promise.withResolvers<void>();
  before(async () => {
    const providerClock = { ...systemClock, sleep: () => slowCharge.promise };
    payment = await startTestPayment({ timeoutMs: 300, providerClock });
  });
  after(() => payment.close());

  /** Comes again as long as it is told to, by payment or by the circuit in front of it. */
  const chargeAtLast = (orderId: string, token: string) =>
    eventually('it is charged', () =>
      payment.charge(orderId, token).catch((error: unknown) => {
        if (isPlatformError(error) && error.retryable) return undefined;
        throw error;
      }),
    );

  it('asks to come again while the provider is down, and charges once when it is back', async () => {
    const orderId = randomUUID();
    await payment.provider.stop();
    await assert.rejects(payment.charge(orderId, 'tok_ok'), askAgain);
    assert.equal((await payment.state(orderId)).status, 'pending');
    await payment.provider.start();
    assert.equal((await chargeAtLast(orderId, 'tok_ok')).status, 'captured');
    assert.deepEqual(await payment.state(orderId), { ...captured, ...providerCaptured });
  });

  it('finds a capture that came after everybody had given up waiting', async () => {
    const orderId = randomUUID();
    await assert.rejects(payment.charge(orderId, 'tok_slow'), askAgain);
    assert.equal((await payment.state(orderId)).status, 'pending');
    slowCharge.resolve();
    assert.equal((await chargeAtLast(orderId, 'tok_slow')).status, 'captured');
    assert.deepEqual(await payment.state(orderId), { ...captured, ...providerCaptured });
  });
});
