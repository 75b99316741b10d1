import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, describe, it } from 'node:test';
import { armCrashPoint } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { type Consumer, createConsumer, type MessageType } from '@flotilla/messaging';
import { createMemoryTransport, createTestMessage } from '@flotilla/messaging/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { inventoryReserved, orderCancellationRequested, orderPaymentAuthorized } from '@shop/contracts';
import { startTestPayment, type TestPayment } from './testing.ts';

describe('payment in an order that runs by events', () => {
  const transport = createMemoryTransport();
  const stopped = new AbortController();
  let payment: TestPayment;
  let consumer: Consumer;
  let resolving: Promise<void>;
  /** How many of the next publications fail. */
  let failures = 0;
  before(async () => {
    payment = await startTestPayment({
      timeoutMs: 4_000,
      leaseMs: 6_000,
      overdueMs: 5_000,
      wrapOutbox: (outbox) => ({
        publish: async (...args) => {
          failures -= 1;
          if (failures >= 0) throw new Error('the process died here');
          return await outbox.publish(...args);
        },
      }),
    });
    consumer = createConsumer({
      name: 'payment',
      db: payment.database.db,
      transport,
      handlers: payment.app.subscriptions,
      logger: silentLogger,
      metrics: createMetrics(),
    });
    await consumer.start();
    resolving = payment.app.resolver.run(stopped.signal);
  });
  afterEach(() => armCrashPoint('', () => undefined));
  after(async () => {
    await consumer.close();
    stopped.abort();
    await resolving;
    await payment.close();
  });

  /** Publishes a message and waits until it has been handled. */
  async function hear<T>(type: MessageType<T>, data: T): Promise<void> {
    const message = createTestMessage(type, data);
    await transport.publish([message]);
    await eventually('it has been handled', async () => {
      const rows = await payment.database.db.query('SELECT FROM inbox WHERE message_id = $1', [message.id]);
      return rows.length === 1;
    });
  }

  const authorize = (orderId: string, token = 'tok_ok') =>
    hear(orderPaymentAuthorized, {
      orderId,
      customerId: 'alice',
      amount: { amountMinor: 1_999, currency: 'EUR' },
      payment: { token },
    });
  const stockReserved = (orderId: string) => hear(inventoryReserved, { orderId });
  const cancel = (orderId: string) => hear(orderCancellationRequested, { orderId, reason: 'order-expired' });

  interface Told {
    readonly message_id: string;
    readonly type: string;
    readonly data: Readonly<Record<string, string>>;
  }
  const told = async (orderId: string): Promise<readonly Told[]> =>
    await payment.database.db.query<Told>(
      `SELECT message_id, type, envelope::jsonb->'data' AS data FROM outbox WHERE key = $1 ORDER BY id`,
      [orderId],
    );
  const tells = (orderId: string, type: string): Promise<Told> =>
    eventually(`${type} is told`, async () => (await told(orderId)).find((event) => event.type === type));
  const tokens = async (orderId: string): Promise<readonly string[]> => {
    const rows = await payment.database.db.query<{ provider_token: string }>(
      `SELECT provider_token FROM (
         SELECT order_id, provider_token FROM charge_request UNION ALL SELECT order_id, provider_token FROM payment
       ) AS kept WHERE order_id = $1 AND provider_token IS NOT NULL`,
      [orderId],
    );
    return rows.map((row) => row.provider_token);
  };

  const captured = { status: 'captured', bookings: 'capture', clearing: 1_999, providerRefunds: 0 };

  for (const [name, first, second] of [
    ['the authorization first', authorize, stockReserved],
    ['the stock first', stockReserved, authorize],
  ] as const)
    it(`charges when both sides have been heard, ${name}, and forgets the token`, async () => {
      const orderId = randomUUID();
      await first(orderId);
      assert.deepEqual([await told(orderId), (await payment.state(orderId)).providerStatus], [[], undefined]);
      await second(orderId);
      await tells(orderId, 'payment.processed.v1');
      assert.deepEqual(await payment.state(orderId), { ...captured, providerStatus: 'captured' });
      assert.deepEqual(await tokens(orderId), []);
    });

  it('tells a declined charge with the reason of the provider', async () => {
    const orderId = randomUUID();
    await authorize(orderId, 'tok_declined');
    await stockReserved(orderId);
    assert.equal((await tells(orderId, 'payment.failed.v1')).data['reason'], 'card-declined');
    assert.equal((await payment.state(orderId)).bookings, '');
  });

  for (const token of ['tok_flaky', 'tok_slow', 'tok_timeout'])
    it(`charges once and tells it once when the provider is difficult: ${token}`, async () => {
      const orderId = randomUUID();
      await authorize(orderId, token);
      await stockReserved(orderId);
      await tells(orderId, 'payment.processed.v1');
      assert.deepEqual(await payment.state(orderId), { ...captured, providerStatus: 'captured' });
      assert.equal((await told(orderId)).length, 1);
    });

  it('does not let a slow charge hold up others', async () => {
    const [slow, ...quick] = [randomUUID(), randomUUID(), randomUUID()];
    await authorize(slow, 'tok_slow');
    await stockReserved(slow);
    for (const orderId of quick) {
      await authorize(orderId);
      await stockReserved(orderId);
    }
    for (const orderId of quick) await tells(orderId, 'payment.processed.v1');
    assert.deepEqual(await told(slow), []);
    await tells(slow, 'payment.processed.v1');
  });

  it('does not let the slow charges of one customer hold up those of others', async () => {
    const authorizeFor = (customerId: string, orderId: string, token: string) =>
      hear(orderPaymentAuthorized, {
        ...{ orderId, customerId, amount: { amountMinor: 1_999, currency: 'EUR' } },
        payment: { token },
      });
    const slow = Array.from({ length: 24 }, () => randomUUID());
    await Promise.all(slow.map((orderId) => authorizeFor('heavy', orderId, 'tok_slow')));
    await Promise.all(slow.map(stockReserved));
    const waiting = async () => {
      const [row] = await payment.database.db.query<{ open: number; held: number }>(
        `SELECT count(*)::int AS open, count(lease_holder)::int AS held FROM payment
         WHERE customer_id = 'heavy' AND status = 'pending'`,
      );
      return row ?? { open: 0, held: 0 };
    };
    const quick = randomUUID();
    await authorizeFor('light', quick, 'tok_ok');
    await stockReserved(quick);
    await tells(quick, 'payment.processed.v1');
    const { open, held } = await waiting();
    assert.ok(open > 0 && held <= 10, `${open} open, ${held} in work`);
  });

  it('gives nothing back for an order that was never charged, and never charges it any more', async () => {
    for (const early of [[], [authorize], [stockReserved]]) {
      const orderId = randomUUID();
      for (const step of early) await step(orderId);
      await cancel(orderId);
      assert.equal((await tells(orderId, 'payment.refunded.v1')).data['outcome'], 'voided');
      assert.deepEqual(await tokens(orderId), []);
      // Late news of a publisher that knows nothing of the cancellation yet.
      await stockReserved(orderId);
      await authorize(orderId);
      assert.deepEqual(await tokens(orderId), []);
      const state = await payment.state(orderId);
      assert.deepEqual([state.status, state.providerStatus], ['voided', undefined]);
      assert.equal((await told(orderId)).length, 1);
    }
  });

  it('gives a captured charge back, once, and tells it whoever asks again: the first answer may be lost', async () => {
    const orderId = randomUUID();
    await authorize(orderId);
    await stockReserved(orderId);
    await tells(orderId, 'payment.processed.v1');
    await cancel(orderId);
    assert.equal((await tells(orderId, 'payment.refunded.v1')).data['outcome'], 'refunded');
    const question = createTestMessage(orderCancellationRequested, { orderId, reason: 'order-expired' });
    for (const _time of [1, 2]) {
      await transport.publish([question]);
      await eventually('it has been handled', async () => {
        const forgotten = await payment.database.db.query(
          'DELETE FROM inbox WHERE message_id = $1 RETURNING message_id',
          [question.id],
        );
        return forgotten.length === 1;
      });
    }
    const { clearing, providerRefunds } = await payment.state(orderId);
    assert.deepEqual([clearing, providerRefunds], [0, 1]);
    const refunds = (await told(orderId)).filter((event) => event.type === 'payment.refunded.v1');
    assert.equal(refunds.length, 3);
    assert.equal(new Set(refunds.map((event) => event.message_id)).size, 2, 'one answer to each question');
  });

  it('takes nothing, net, from an order that is cancelled while it is being charged', async () => {
    const orderId = randomUUID();
    await authorize(orderId, 'tok_slow');
    await stockReserved(orderId);
    await eventually('the charge is under way', async () => {
      const rows = await payment.database.db.query(
        'SELECT FROM payment WHERE order_id = $1 AND lease_holder IS NOT NULL',
        [orderId],
      );
      return rows.length === 1;
    });
    await cancel(orderId);
    await tells(orderId, 'payment.refunded.v1');
    // The charge that was under way comes to its end, too.
    await eventually('the books agree with the provider', async () => {
      const { clearing, providerStatus, providerRefunds } = await payment.state(orderId);
      return (
        clearing === 0 &&
        providerStatus !== undefined &&
        providerRefunds === (providerStatus === 'captured' ? 1 : 0)
      );
    });
    assert.ok((await told(orderId)).every((event) => event.type === 'payment.refunded.v1'));
  });

  it('charges once and tells it once when the process ends between the capture and its record', async () => {
    const orderId = randomUUID();
    let cuts = 0;
    armCrashPoint('payment.after-provider-call', () => {
      cuts += 1;
      throw new Error('cut');
    });
    await authorize(orderId);
    await stockReserved(orderId);
    await tells(orderId, 'payment.processed.v1');
    assert.equal(cuts, 1);
    assert.deepEqual(await payment.state(orderId), { ...captured, providerStatus: 'captured' });
    assert.equal((await told(orderId)).length, 1);
  });

  it('records no outcome that it does not tell: both commit together', async () => {
    const orderId = randomUUID();
    failures = 1;
    await authorize(orderId);
    await stockReserved(orderId);
    await eventually('telling it failed', () => failures <= 0);
    const [row] = await payment.database.db.query<{ status: string }>(
      'SELECT status FROM payment WHERE order_id = $1',
      [orderId],
    );
    // Read after the status: an outcome without its event would show, whatever happens between the two.
    if (row?.status !== 'pending') assert.equal((await told(orderId)).length, 1);
    await tells(orderId, 'payment.processed.v1');
    assert.deepEqual(await payment.state(orderId), { ...captured, providerStatus: 'captured' });
  });

  it('tells an outcome in the trace and the correlation of its order', async () => {
    const orderId = randomUUID();
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const authorized = createTestMessage(orderPaymentAuthorized, {
      orderId,
      customerId: 'alice',
      amount: { amountMinor: 1_999, currency: 'EUR' },
      payment: { token: 'tok_ok' },
    });
    const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
    await stockReserved(orderId);
    const body = JSON.stringify({ ...(JSON.parse(authorized.body) as object), traceparent });
    await transport.publish([{ ...authorized, body }]);
    const { message_id } = await tells(orderId, 'payment.processed.v1');
    const [event] = await payment.database.db.query<{ trace: string; correlation: string }>(
      `SELECT envelope::jsonb->>'traceparent' AS trace, envelope::jsonb->>'correlationid' AS correlation
       FROM outbox WHERE message_id = $1`,
      [message_id],
    );
    assert.equal(event?.correlation, orderId);
    assert.equal(event?.trace.split('-')[1], traceId);
  });

  it('tells nothing of an order that somebody charges by a call', async () => {
    const orderId = randomUUID();
    await payment.charge(orderId, 'tok_ok');
    await payment.refund(orderId);
    assert.deepEqual(await told(orderId), []);
  });
});
