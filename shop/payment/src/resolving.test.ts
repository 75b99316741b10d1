import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { resolveOnce } from './features/resolve-open-payments.ts';
import { startTestPayment, type TestPayment } from './testing.ts';

const signal = new AbortController().signal;

describe('payments that were left open', () => {
  let payment: TestPayment;
  /** The next call of this name does its work at the provider, but its answer is lost, and so is the process. */
  let lost: 'charge' | 'refund' | undefined;
  before(async () => {
    payment = await startTestPayment({
      wrap: (provider) => ({
        ...provider,
        charge: async (request, callSignal) => {
          const answer = await provider.charge(request, callSignal);
          if (lost === 'charge') throw new Error('the process died here');
          return answer;
        },
        refund: async (request, callSignal) => {
          const answer = await provider.refund(request, callSignal);
          if (lost === 'refund') throw new Error('the process died here');
          return answer;
        },
      }),
    });
  });
  after(() => payment.close());

  async function losing(what: 'charge' | 'refund', work: () => Promise<unknown>): Promise<void> {
    lost = what;
    await assert.rejects(work());
    lost = undefined;
  }

  const resolved = (orderId: string, status: string) =>
    eventually(`${orderId} is ${status}`, async () => {
      await resolveOnce(payment.deps, signal);
      return (await payment.state(orderId)).status === status;
    });

  it('are captured when the provider says so, although nobody asks any more', async () => {
    const orderId = randomUUID();
    await losing('charge', () => payment.charge(orderId, 'tok_ok'));
    assert.equal((await payment.state(orderId)).status, 'pending');
    await resolved(orderId, 'captured');
    assert.equal((await payment.state(orderId)).bookings, 'capture');
    assert.equal((await payment.charge(orderId, 'tok_ok')).status, 'captured');
  });

  it('are declined when the provider says so', async () => {
    const orderId = randomUUID();
    await losing('charge', () => payment.charge(orderId, 'tok_declined'));
    await resolved(orderId, 'declined');
  });

  it('are refunded to the end, with one refund at the provider', async () => {
    const orderId = randomUUID();
    await payment.charge(orderId, 'tok_ok');
    await losing('refund', () => payment.refund(orderId));
    assert.equal((await payment.state(orderId)).status, 'refunding');
    await resolved(orderId, 'refunded');
    const { clearing, providerRefunds } = await payment.state(orderId);
    assert.deepEqual([clearing, providerRefunds], [0, 1]);
  });

  it('are never charged by the resolver itself', async () => {
    const orderId = randomUUID();
    const id = payment.deps.newId();
    await payment.deps.store.open(
      { orderId, customerId: 'alice', amount: { amountMinor: 5, currency: 'EUR' }, token: 'tok_ok' },
      id,
    );
    await payment.database.db.query(
      "UPDATE payment SET lease_until = now() - interval '1 second' WHERE order_id = $1",
      [orderId],
    );
    await eventually('it was looked at', async () => {
      await resolveOnce(payment.deps, signal);
      const [row] = await payment.database.db.query<{ checks: number }>(
        'SELECT checks FROM payment WHERE order_id = $1',
        [orderId],
      );
      return (row?.checks ?? 0) > 0;
    });
    const { status, providerStatus } = await payment.state(orderId);
    assert.deepEqual([status, providerStatus], ['pending', undefined]);
    assert.equal(await payment.refund(orderId), 'voided');
  });

  it('are left alone while somebody holds their lease, and taken over when it has run out', async () => {
    const orderId = randomUUID();
    const { store, newId } = payment.deps;
    const opened = await store.open(
      { orderId, customerId: 'alice', amount: { amountMinor: 5, currency: 'EUR' }, token: 'tok_ok' },
      newId(),
    );
    assert.ok(opened);
    assert.equal(await store.lease(opened.id, newId()), undefined);
    await eventually('the lease runs out', async () => (await store.lease(opened.id, newId())) !== undefined);
  });
});
