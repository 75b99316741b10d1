import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { armCrashPoint } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { createDeadLetters, inboxMigrations, outboxMigrations } from '@flotilla/messaging';
import { createTestService, type TestService } from '@flotilla/service/testing';
import { orderShippingGranted } from '@shop/contracts';
import { createShippingApp } from './app.ts';

const address = { name: 'Alice', line1: 'Hafenstr. 1', city: 'Hamburg', postalCode: '20457', country: 'DE' };
const items = [{ productId: 'sku-0001', quantity: 2 }];

describe('shipping', () => {
  let service: TestService;
  before(async () => {
    const directory = join(import.meta.dirname, '../migrations');
    const migrations = [{ name: 'shipping', directory }, inboxMigrations, outboxMigrations];
    service = await createTestService('shipping', migrations);
    const app = createShippingApp(service);
    service.serve(app.handlers);
    await service.consume(app.subscriptions, { retry: { delaysMs: [1, 1] } });
  });
  after(() => service.close());

  const ship = (orderId: string, body: object = { address, items }, scope = 'shipping.write') =>
    service.request<Record<string, string>>('PUT', `/internal/shipments/${orderId}`, {
      as: { sub: 'order', client_id: 'order', scope },
      body,
    });

  const shipmentsOf = async (orderId: string) =>
    await service.owner.query('SELECT * FROM shipment WHERE order_id = $1', [orderId]);

  it('ships an order once, for eight callers at the same time and any later one', async () => {
    const orderId = randomUUID();
    const answers = await Promise.all(Array.from({ length: 8 }, () => ship(orderId)));
    answers.push(await ship(orderId));
    assert.equal(new Set(answers.map(({ status, body }) => JSON.stringify([status, body]))).size, 1);
    assert.equal(answers[0]?.status, 200);
    assert.match(answers[0]?.body['trackingNumber'] ?? '', /^CF\d{9}DE$/);
    assert.equal((await shipmentsOf(orderId)).length, 1);
  });

  it('refuses where the carrier does not go, and stays with it', async () => {
    const orderId = randomUUID();
    const nowhere = { address: { ...address, country: 'XX' }, items };
    for (const _time of [1, 2]) {
      const { status, body } = await ship(orderId, nowhere);
      assert.deepEqual([status, body], [422, { status: 'refused', reason: 'shipping-unavailable' }]);
    }
    const elsewhere = await ship(orderId);
    assert.deepEqual([elsewhere.status, elsewhere.body['code']], [409, 'shipment-mismatch']);
  });

  it('refuses another address or other items for the same order', async () => {
    const orderId = randomUUID();
    await ship(orderId);
    for (const body of [
      { address: { ...address, line1: 'Hafenstr. 2' }, items },
      { address, items: [{ productId: 'sku-0001', quantity: 3 }] },
    ]) {
      const answer = await ship(orderId, body);
      assert.deepEqual([answer.status, answer.body['code']], [409, 'shipment-mismatch']);
    }
  });

  it('lets only services ship', async () => {
    assert.equal((await ship(randomUUID(), undefined, 'orders.write')).status, 403);
  });

  for (const [point, shipments] of [
    ['shipping.before-shipment-commit', 0],
    ['shipping.after-shipment-commit', 1],
  ] as const)
    it(`repeats itself after it failed at ${point}`, async () => {
      const orderId = randomUUID();
      armCrashPoint(point, () => {
        throw new Error('crashed');
      });
      assert.equal((await ship(orderId)).status, 500);
      armCrashPoint('', () => undefined);
      assert.equal((await shipmentsOf(orderId)).length, shipments);
      const again = await ship(orderId);
      assert.equal(again.status, 200);
      assert.deepEqual((await ship(orderId)).body, again.body);
      assert.equal((await shipmentsOf(orderId)).length, 1);
    });

  const grant = (orderId: string, country = 'DE') =>
    service.publish(orderShippingGranted, { orderId, items, address: { ...address, country } });

  const told = async (orderId: string) =>
    await service.owner.query<{ message_id: string; type: string; data: Record<string, string> }>(
      `SELECT message_id, type, envelope::jsonb->'data' AS data FROM outbox WHERE key = $1 ORDER BY id`,
      [orderId],
    );

  it('ships what it is granted by an event, and tells it', async () => {
    const orderId = randomUUID();
    await grant(orderId);
    const [created] = await eventually('told', async () => {
      const events = await told(orderId);
      return events.length > 0 && events;
    });
    assert.equal(created?.type, 'shipment.created.v1');
    assert.deepEqual((await ship(orderId)).body, {
      status: 'created',
      shipmentId: created?.data['shipmentId'],
      trackingNumber: created?.data['trackingNumber'],
    });
  });

  it('tells by an event where the carrier does not go', async () => {
    const orderId = randomUUID();
    await grant(orderId, 'XX');
    await eventually('told', async () => {
      const [refused] = await told(orderId);
      return refused?.type === 'shipment.refused.v1' && refused.data['reason'] === 'shipping-unavailable';
    });
  });

  it('ships once and answers each grant, with an id of its own: the first answer may be lost', async () => {
    const orderId = randomUUID();
    await Promise.all([grant(orderId), grant(orderId)]);
    const events = await eventually('told twice', async () => {
      const rows = await told(orderId);
      return rows.length === 2 && rows;
    });
    assert.notEqual(events[0]?.message_id, events[1]?.message_id);
    assert.deepEqual(events[0]?.data, events[1]?.data);
    assert.equal((await shipmentsOf(orderId)).length, 1);
  });

  it('ships nothing that it does not tell: both commit together', async () => {
    const orderId = randomUUID();
    let cuts = 0;
    armCrashPoint('shipping.after-shipment-commit', () => {
      cuts += 1;
      throw new Error('cut');
    });
    await grant(orderId);
    await eventually('told', async () => (await told(orderId)).length > 0);
    armCrashPoint('', () => undefined);
    assert.deepEqual([cuts, (await told(orderId)).length, (await shipmentsOf(orderId)).length], [1, 1, 1]);
  });

  it('gives up a grant for an order that was shipped elsewhere, with the reason', async () => {
    const orderId = randomUUID();
    await ship(orderId);
    await grant(orderId, 'AT');
    const letter = await eventually('given up', async () => {
      const { letters } = await createDeadLetters(service.owner).list({ key: orderId });
      return letters[0];
    });
    assert.match(letter.error ?? '', /SHIPMENT_MISMATCH/);
    assert.deepEqual(await told(orderId), []);
  });
});
