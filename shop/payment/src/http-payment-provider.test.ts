import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { isPlatformError } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { startTestProvider, type TestProvider } from '@shop/payment-provider/testing';
import { connectProvider } from './testing.ts';

const amount = { amountMinor: 1_999, currency: 'EUR' };
const { signal } = new AbortController();
const request = (token: string, key: string = randomUUID()) => ({
  key,
  amount,
  token,
  reference: randomUUID(),
});
const refused = { code: 'PAYMENT_PROVIDER_REFUSED', retryable: false };

describe('the payment provider over HTTP', () => {
  let running: TestProvider;
  let connection: ReturnType<typeof connectProvider>;
  before(async () => {
    running = await startTestProvider();
    connection = connectProvider(running.address(), 5_000);
  });
  after(async () => {
    await connection.client.close();
    await running.close();
  });

  const count = async (key: string) =>
    (await running.database.db.query('SELECT id FROM charge WHERE idempotency_key = $1', [key])).length;

  it('charges a key once, however often and concurrently it comes', async () => {
    const charge = request('tok_ok');
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => connection.provider.charge(charge, signal)),
    );
    assert.equal(new Set(answers.map((answer) => JSON.stringify(answer))).size, 1);
    assert.equal(await count(charge.key), 1);
  });

  it('refuses another charge under a used key', async () => {
    const charge = request('tok_ok');
    await connection.provider.charge(charge, signal);
    const other = { ...charge, amount: { amountMinor: 1, currency: 'EUR' } };
    await assert.rejects(connection.provider.charge(other, signal), refused);
  });

  it('counts the refusals of a flaky token by key', async () => {
    const charge = request('tok_flaky');
    assert.equal(await connection.provider.charge(charge, signal), 'busy');
    assert.equal(await connection.provider.charge(charge, signal), 'busy');
    assert.equal(await connection.provider.find(charge.key, signal), undefined);
    const answer = await connection.provider.charge(charge, signal);
    assert.equal(typeof answer === 'object' && answer.status, 'captured');
    assert.equal(await connection.provider.charge(request('tok_flaky'), signal), 'busy');
  });

  it('captures a slow charge although the caller has gone', async () => {
    const charge = request('tok_slow');
    await assert.rejects(connection.provider.charge(charge, AbortSignal.timeout(100)), isPlatformError);
    await eventually('it is captured', async () => (await count(charge.key)) === 1);
  });

  it('captures nothing under a voided key', async () => {
    const charge = request('tok_ok');
    assert.deepEqual(await connection.provider.voidCharge(charge.key, signal), { status: 'voided' });
    assert.deepEqual(await connection.provider.charge(charge, signal), { status: 'voided' });
  });

  it('says so when there is a capture already, and leaves it', async () => {
    const charge = request('tok_ok');
    const captured = await connection.provider.charge(charge, signal);
    assert.deepEqual(await connection.provider.voidCharge(charge.key, signal), captured);
  });

  it('refunds a capture once', async () => {
    const charge = request('tok_ok');
    await connection.provider.charge(charge, signal);
    const refund = { key: charge.key, refundKey: randomUUID(), amount };
    const answers = await Promise.all([1, 2, 3].map(() => connection.provider.refund(refund, signal)));
    assert.equal(new Set(answers.map((answer) => answer.refundId)).size, 1);
    await assert.rejects(connection.provider.refund({ ...refund, refundKey: randomUUID() }, signal), refused);
  });

  it('refunds neither what it did not capture nor another amount', async () => {
    const declined = request('tok_declined');
    await connection.provider.charge(declined, signal);
    const refund = { key: declined.key, refundKey: randomUUID(), amount };
    await assert.rejects(connection.provider.refund(refund, signal), refused);
    await assert.rejects(connection.provider.refund({ ...refund, key: randomUUID() }, signal), refused);
    const captured = request('tok_ok');
    await connection.provider.charge(captured, signal);
    const less = { key: captured.key, refundKey: randomUUID(), amount: { ...amount, amountMinor: 1 } };
    await assert.rejects(connection.provider.refund(less, signal), refused);
  });

  it('does nothing for a wrong API key', async () => {
    const stranger = connectProvider(running.address(), 1_000, 'some-other-provider-key');
    const charge = request('tok_ok');
    await assert.rejects(stranger.provider.charge(charge, signal), refused);
    await stranger.client.close();
    assert.equal(await count(charge.key), 0);
  });
});
