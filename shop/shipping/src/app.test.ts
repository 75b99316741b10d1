import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { createTestIssuer } from '@flotilla/auth/testing';
import { createHttpHost, type HttpHost } from '@flotilla/http';
import { armCrashPoint, uuidv7 } from '@flotilla/kernel';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { createShippingApp } from './app.ts';
import { createShipmentStore } from './shipment-store.ts';

const address = { name: 'Alice', line1: 'Hafenstr. 1', city: 'Hamburg', postalCode: '20457', country: 'DE' };
const items = [{ productId: 'sku-0001', quantity: 2 }];

describe('shipping', () => {
  const issuer = createTestIssuer();
  let database: TestDatabase;
  let host: HttpHost;
  before(async () => {
    const directory = new URL('../migrations', import.meta.url).pathname;
    database = await createTestDatabase([{ name: 'shipping', directory }]);
    host = createHttpHost({
      service: 'shipping',
      handlers: createShippingApp({ store: createShipmentStore(database.db, uuidv7) }).handlers,
      verifyToken: issuer.verify,
      logger: silentLogger,
      metrics: createMetrics(),
      readiness: {},
    });
  });
  after(async () => {
    await host.close();
    await database.close();
  });

  async function ship(orderId: string, body: object = { address, items }, scope = 'shipping.write') {
    const answer = await host.inject({
      method: 'PUT',
      url: `/internal/shipments/${orderId}`,
      headers: { authorization: `Bearer ${await issuer.sign({ scope })}` },
      payload: body,
    });
    return { status: answer.statusCode, body: answer.json<Record<string, string>>() };
  }

  const shipmentsOf = async (orderId: string) =>
    await database.db.query('SELECT * FROM shipment WHERE order_id = $1', [orderId]);

  it('ships an order once, for eight callers at the same time and any later one', async () => {
    const orderId = randomUUID();
    const answers = await Promise.all(Array.from({ length: 8 }, () => ship(orderId)));
    answers.push(await ship(orderId));
    assert.equal(new Set(answers.map((answer) => JSON.stringify(answer))).size, 1);
    assert.equal(answers[0]?.status, 200);
    assert.match(answers[0]?.body['trackingNumber'] ?? '', /^CF\d{9}DE$/);
    assert.equal((await shipmentsOf(orderId)).length, 1);
  });

  it('refuses where the carrier does not go, and stays with it', async () => {
    const orderId = randomUUID();
    const nowhere = { address: { ...address, country: 'XX' }, items };
    for (const _time of [1, 2])
      assert.deepEqual(await ship(orderId, nowhere), {
        status: 422,
        body: { status: 'refused', reason: 'shipping-unavailable' },
      });
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
      assert.deepEqual(await ship(orderId), again);
      assert.equal((await shipmentsOf(orderId)).length, 1);
    });
});
