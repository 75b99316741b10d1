import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { systemClock, uuidv7 } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { orderCancelled, orderConfirmed, orderPlaced, profileChanged, userRegistered } from '@shop/contracts';
import { createNotificationApp } from './app.ts';
import { startNotification } from './testing.ts';

describe('the mailbox', () => {
  let notification: Awaited<ReturnType<typeof startNotification>>;
  before(async () => {
    notification = await startNotification();
  });
  after(() => notification.close());

  const user = (email: string) => ({ userId: email, email, name: 'Some Body' });
  const order = (customerEmail: string, orderId = uuidv7()) => ({
    orderId,
    customerId: customerEmail,
    customerEmail,
    idempotencyKey: 'key-1',
    items: [],
    total: { amountMinor: 1_999, currency: 'EUR' },
  });
  const list = async (query: string) => {
    const { status, body } = await notification.get(`/internal/mails?${query}`);
    assert.equal(status, 200);
    const { items, next } = body as { items: Record<string, unknown>[]; next: string | null };
    return { items, next };
  };
  const mailsTo = async (to: string) => (await list(`to=${encodeURIComponent(to)}`)).items;
  const handled = (id: string) =>
    eventually('the message has been handled', async () => {
      const rows = await notification.db.query('SELECT 1 FROM inbox WHERE message_id = $1', [id]);
      return rows.length === 1;
    });

  it('has a mail for every event that concerns a customer', async () => {
    await handled(await notification.publish(userRegistered, user('ann@example.com')));
    const placed = { ...order('ann@example.com'), placedAt: '2026-01-01T00:00:00Z' };
    await handled(await notification.publish(orderPlaced, placed));
    const confirmed = { ...order('ann@example.com'), shipmentId: 's', confirmedAt: '2026-01-01T00:00:00Z' };
    await handled(await notification.publish(orderConfirmed, confirmed));
    const cancelled = {
      ...order('ann@example.com'),
      reason: 'out-of-stock',
      cancelledAt: '2026-01-01T00:00:00Z',
    };
    await handled(await notification.publish(orderCancelled, cancelled));
    const mails = await mailsTo('ANN@example.com');
    assert.deepEqual(
      mails.map((mail) => mail['subject']),
      [
        `Your order ${cancelled.orderId} was cancelled`,
        `A parcel of your order ${confirmed.orderId}`,
        `Your order ${confirmed.orderId} is confirmed`,
        `We have received your order ${placed.orderId}`,
        'Welcome to the Flotilla shop',
      ],
    );
    assert.deepEqual(Object.keys(mails[0] ?? {}).sort(), ['html', 'id', 'sentAt', 'subject', 'text', 'to']);
  });

  it('has only the mails that somebody wants, in their language; the newest choice counts', async () => {
    const to = 'lena@example.com';
    const choose = async (version: number, locale: string, orders: boolean, shipping: boolean) => {
      const profile = { userId: to, version, name: 'Lena', locale, changedAt: '2026-01-01T00:00:00Z' };
      const notifications = { orders, shipping };
      await handled(await notification.publish(profileChanged, { ...profile, notifications }));
    };
    await choose(3, 'de-AT', false, true);
    await choose(2, 'en', true, true);
    const confirmed = { ...order(to), shipmentId: 's', confirmedAt: '2026-01-01T00:00:00Z' };
    const id = await notification.publish(orderConfirmed, confirmed);
    await handled(id);
    await handled(
      await notification.publish(orderPlaced, { ...order(to), placedAt: '2026-01-01T00:00:00Z' }),
    );
    await handled(await notification.publish(userRegistered, user(to)));
    assert.deepEqual(
      (await mailsTo(to)).map((mail) => mail['subject']),
      ['Willkommen im Flotilla-Shop', `Ein Paket zu Ihrer Bestellung ${confirmed.orderId}`],
    );
  });

  it('has one mail for a message that comes several times', async () => {
    const id = uuidv7();
    for (let count = 0; count < 3; count += 1)
      await notification.publish(userRegistered, user('bea@example.com'), id);
    await handled(
      await notification.publish(userRegistered, { ...user('bea@example.com'), email: 'end@example.com' }),
    );
    assert.equal((await mailsTo('bea@example.com')).length, 1);
  });

  it('has one mail even when the inbox has forgotten the message', async () => {
    const id = await notification.publish(userRegistered, user('cora@example.com'));
    await handled(id);
    await notification.db.query('DELETE FROM inbox WHERE message_id = $1', [id]);
    await notification.publish(userRegistered, user('cora@example.com'), id);
    await handled(id);
    assert.equal((await mailsTo('cora@example.com')).length, 1);
  });

  it('is shown in pages, newest first', async () => {
    for (const number of [1, 2, 3, 4, 5])
      await handled(await notification.publish(userRegistered, user(`page${number}@example.com`)));
    const first = await list('limit=2');
    assert.deepEqual(
      first.items.map((mail) => mail['to']),
      ['page5@example.com', 'page4@example.com'],
    );
    const second = await list(`limit=2&cursor=${first.next}`);
    assert.deepEqual(
      second.items.map((mail) => mail['to']),
      ['page3@example.com', 'page2@example.com'],
    );
    assert.equal((await list('to=page1@example.com&limit=1')).next, null);
  });

  it('refuses a cursor it did not give', async () => {
    const { status, body } = await notification.get('/internal/mails?cursor=bm9uc2Vuc2U');
    assert.equal(status, 400);
    assert.equal(body['code'], 'invalid-cursor');
  });

  it('takes over what was queued for a mail server that is gone', async () => {
    const { db } = notification;
    await db.query(
      `INSERT INTO mail (id, recipient, subject, body, state)
       VALUES (gen_random_uuid(), 'dora@example.com', 's', 'b', 'queued')`,
    );
    assert.deepEqual(await mailsTo('dora@example.com'), []);
    await createNotificationApp({
      db,
      clock: systemClock,
      logger: silentLogger,
      metrics: createMetrics(),
      server: undefined,
    });
    assert.equal((await mailsTo('dora@example.com')).length, 1);
  });

  it('is for administrators only', async () => {
    assert.equal((await notification.get('/internal/mails', 'Customer')).status, 403);
  });
});
