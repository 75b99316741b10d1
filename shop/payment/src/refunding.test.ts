import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { startTestPayment, type TestPayment } from './testing.ts';

const refunded = {
  status: 'refunded',
  bookings: 'capture,refund',
  clearing: 0,
  providerStatus: 'captured',
  providerRefunds: 1,
};

describe('refunding an order', () => {
  let payment: TestPayment;
  before(async () => {
    payment = await startTestPayment({ timeoutMs: 4_000 });
  });
  after(() => payment.close());

  it('gives back what was captured, once, however often it is asked', async () => {
    const orderId = randomUUID();
    await payment.charge(orderId, 'tok_ok');
    const answers = await Promise.all(Array.from({ length: 6 }, () => payment.refund(orderId)));
    assert.deepEqual(new Set(answers), new Set(['refunded']));
    assert.equal(await payment.refund(orderId), 'refunded');
    assert.deepEqual(await payment.state(orderId), refunded);
  });

  it('closes an order that was never charged, and refuses to charge it later', async () => {
    const orderId = randomUUID();
    assert.equal(await payment.refund(orderId), 'voided');
    const late = await payment.charge(orderId, 'tok_ok');
    assert.deepEqual([late.status, late.reason], ['declined', 'order-closed']);
    const { status, bookings, providerStatus } = await payment.state(orderId);
    assert.deepEqual([status, bookings, providerStatus], ['voided', '', undefined]);
  });

  it('has nothing to give back for a declined payment', async () => {
    const orderId = randomUUID();
    await payment.charge(orderId, 'tok_declined');
    assert.equal(await payment.refund(orderId), 'voided');
    assert.equal((await payment.state(orderId)).bookings, '');
  });

  it('refuses to charge a refunded order again', async () => {
    const orderId = randomUUID();
    await payment.charge(orderId, 'tok_ok');
    await payment.refund(orderId);
    assert.equal((await payment.charge(orderId, 'tok_ok')).reason, 'order-closed');
    assert.deepEqual(await payment.state(orderId), refunded);
  });

  it('fences a charge that is still under way: the provider never captures it', async () => {
    const orderId = randomUUID();
    const charging = payment.charge(orderId, 'tok_slow');
    await eventually(
      'the intent is recorded',
      async () => (await payment.state(orderId)).status === 'pending',
    );
    assert.equal(await payment.refund(orderId), 'voided');
    const answer = await charging;
    assert.deepEqual([answer.status, answer.reason], ['declined', 'order-closed']);
    const { status, bookings, providerStatus } = await payment.state(orderId);
    assert.deepEqual([status, bookings, providerStatus], ['voided', '', 'voided']);
  });

  it('finds out about a capture nobody was told of, and gives it back', async () => {
    const orderId = randomUUID();
    const charging = payment.charge(orderId, 'tok_timeout');
    await eventually(
      'the provider has captured',
      async () => (await payment.state(orderId)).providerStatus === 'captured',
    );
    assert.equal(await payment.refund(orderId), 'refunded');
    assert.equal((await charging).reason, 'order-closed');
    assert.deepEqual(await payment.state(orderId), refunded);
  });

  it('nets to zero whenever charge and refund race', async () => {
    const orders = Array.from({ length: 40 }, () => randomUUID());
    await Promise.all(
      orders.map(async (orderId, index) => {
        const charging = payment.charge(orderId, index % 2 ? 'tok_ok' : 'tok_flaky');
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
        const [answer] = await Promise.all([charging.catch(() => undefined), payment.refund(orderId)]);
        assert.ok(answer === undefined || ['captured', 'declined'].includes(answer.status));
      }),
    );
    for (const orderId of orders) {
      const { status, clearing, providerStatus, providerRefunds } = await payment.state(orderId);
      assert.ok(status === 'refunded' || status === 'voided', `${orderId} is ${status}`);
      assert.equal(clearing, 0);
      assert.equal(providerRefunds, providerStatus === 'captured' ? 1 : 0);
    }
  });
});
