import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { assertSound } from './assert-sound.ts';
import { insist, seededRandom } from './order-load.ts';
import { type OrderWish, type RunningSystem, startSystem } from './running-system.ts';

const SOLD: OrderWish = {};
/** Refused after the payment, so that everything has to be given back. */
const GIVEN_BACK: OrderWish = { country: 'XX' };

/**
 * Places between two durable effects on the way of an order. The process that passes there kills itself; the
 * supervisor starts it again; the client insists with the same key. Whatever happens, the order ends as it
 * would have, and every invariant holds.
 */
const POINTS: readonly (readonly [service: string, point: string, wish: OrderWish])[] = [
  ['order', 'order.before-place-commit', SOLD],
  ['order', 'order.after-place-commit', SOLD],
  ['order', 'order.before-answer-recorded', SOLD],
  ['order', 'saga.after-start-commit', SOLD],
  ['order', 'saga.before-call', SOLD],
  ['order', 'saga.after-call', SOLD],
  ['order', 'saga.after-call:2', SOLD],
  ['order', 'saga.after-call:4', SOLD],
  ['order', 'saga.before-record-commit:2', SOLD],
  ['order', 'saga.after-record-commit:3', SOLD],
  ['order', 'saga.before-end', SOLD],
  ['order', 'saga.before-undo', GIVEN_BACK],
  ['order', 'saga.after-undo', GIVEN_BACK],
  ['order', 'relay.before-publish', SOLD],
  ['order', 'relay.after-publish', SOLD],
  ['order', 'relay.after-delete', SOLD],
  ['inventory', 'inventory.before-reserve-commit', SOLD],
  ['inventory', 'inventory.after-reserve-commit', SOLD],
  ['inventory', 'inventory.before-commit-stock-commit', SOLD],
  ['inventory', 'inventory.after-commit-stock-commit', SOLD],
  ['inventory', 'inventory.before-release-commit', GIVEN_BACK],
  ['inventory', 'inventory.after-release-commit', GIVEN_BACK],
  ['payment', 'payment.after-intent-commit', SOLD],
  ['payment', 'payment.after-provider-call', SOLD],
  ['payment', 'payment.before-outcome-commit', SOLD],
  ['payment', 'payment.after-outcome-commit', SOLD],
  ['payment', 'payment.after-refund-call', GIVEN_BACK],
  ['payment', 'payment.after-refund-commit', GIVEN_BACK],
  ['payment-provider', 'provider.after-capture-commit', SOLD],
  ['payment-provider', 'provider.after-refund-commit', GIVEN_BACK],
  ['shipping', 'shipping.before-shipment-commit', SOLD],
  ['shipping', 'shipping.after-shipment-commit', SOLD],
  ['notification', 'consumer.before-handler', SOLD],
  ['notification', 'consumer.before-commit', SOLD],
  ['notification', 'consumer.after-commit', SOLD],
  ['notification', 'consumer.after-ack', SOLD],
];

describe('an order survives a crash between any two effects', { timeout: 200_000 }, () => {
  let system: RunningSystem;
  before(async () => {
    system = await startSystem();
    await system.token('alice');
  });
  after(() => system?.stop());

  for (const [service, point, wish] of POINTS) {
    it(`${service} at ${point}`, async () => {
      const { restarts } = await system.awaitInstance(service, 'runs', ({ state }) => state === 'Running');
      await system.cli('restart', service, '--crash-point', point);
      const key = randomUUID();
      const record = await insist(system, { ...wish, key, user: 'alice', waitSeconds: 20 }, seededRandom(1));
      const confirmed = wish === SOLD;
      assert.equal(record.answers[0]?.status, confirmed ? 201 : 422);
      await system.awaitInstance(
        service,
        'has crashed and is back',
        (now) => now.state === 'Running' && now.restarts > restarts,
      );
      // Else the next crash would meet the same message: after the third it would be given up.
      await eventually('every message has arrived', async () => {
        const left = [
          ...(await system.sql('bus', 'SELECT FROM bus.delivery')),
          ...(await system.sql('notification', 'SELECT FROM inbox_held')),
          ...(await system.sql('cart', 'SELECT FROM inbox_held')),
        ];
        return left.length === 0;
      });
      const orders = await system.sql(
        'order',
        `SELECT status FROM order_view WHERE idempotency_key = '${key}'`,
      );
      assert.deepEqual(orders, [{ status: confirmed ? 'Confirmed' : 'Cancelled' }]);
    });
  }

  it('leaves every invariant kept', async () => {
    await assertSound(system);
  });
});
