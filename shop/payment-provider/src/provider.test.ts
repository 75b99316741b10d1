import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { createRoundRobin, createStaticResolver } from '@flotilla/discovery';
import { createHttpClient } from '@flotilla/http';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { createCharge, createRefund, getCharge, voidCharge } from '@shop/contracts';
import { API_KEY, startTestProvider, type TestProvider } from './testing.ts';

const amount = { amountMinor: 1_999, currency: 'EUR' };

describe('the payment provider', () => {
  let provider: TestProvider;
  before(async () => {
    provider = await startTestProvider();
  });
  after(() => provider.close());

  const connect = (token: string) => {
    const { pick } = createRoundRobin(createStaticResolver({ 'payment-provider': [provider.address()] }));
    const shared = { logger: silentLogger, metrics: createMetrics() };
    const client = createHttpClient({ ...shared, service: 'payment-provider', pick, token });
    after(() => client.close());
    return client;
  };
  const chargeOf = (token: string) => ({ amount, token, reference: randomUUID() });

  it('says what became of a charge by its key', async () => {
    const client = connect(API_KEY);
    const headers = { 'idempotency-key': randomUUID() };
    const params = { key: headers['idempotency-key'] };
    assert.equal((await client.call(getCharge, { params })).status, 404);
    const body = chargeOf('tok_ok');
    const { status, body: charge } = await client.call(createCharge, { headers, body });
    assert.equal(status, 201);
    const again = await client.call(createCharge, { headers, body });
    assert.deepEqual(again.body, charge);
    const found = await client.call(getCharge, { params });
    assert.equal(found.status, 200);
    assert.deepEqual(found.body, { ...charge, refunded: false, amount });
    await client.call(createRefund, {
      params,
      headers: { 'idempotency-key': randomUUID() },
      body: { amount },
    });
    assert.equal((await client.call(voidCharge, { params })).body.refunded, true);
  });

  it('declines in the words of a card processor', async () => {
    const client = connect(API_KEY);
    for (const [token, reason] of [
      ['tok_declined', 'card-declined'],
      ['tok_of_nobody', 'invalid-token'],
    ] as const) {
      const headers = { 'idempotency-key': randomUUID() };
      const { status, body } = await client.call(createCharge, { headers, body: chargeOf(token) });
      assert.equal(status, 402);
      assert.deepEqual(body, { ...body, status: 'declined', reason });
    }
  });

  it('knows its merchant by the key alone', async () => {
    const stranger = connect('some-other-provider-key');
    await assert.rejects(stranger.call(getCharge, { params: { key: 'any' } }), {
      code: 'HTTP_UNEXPECTED_STATUS',
    });
  });
});
