import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { assertSound } from './assert-sound.ts';
import { insist, seededRandom } from './order-load.ts';
import { type OrderFlow, type OrderWish, type RunningSystem, startSystem } from './running-system.ts';

const SOLD: OrderWish = {};
/** Refused after the payment, so that everything has to be given back. */
const GIVEN_BACK: OrderWish = { country: 'XX' };

type Point = readonly [service: string, point: string, wish: OrderWish];

/**
 * Places between two durable effects on the way of an order. The process that passes there kills itself; the
 * supervisor starts it again; the client insists with the same key. Whatever happens, the order ends as it
 * would have, and every invariant holds.
 */
const LED: readonly Point[] = [
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

/** The same for an order by events. */
const BY_EVENTS: readonly Point[] = [
  ['order', 'order.before-place-commit', SOLD],
  ['order', 'order.after-place-commit', SOLD],
  ['order', 'relay.before-publish', SOLD],
  ['order', 'relay.after-publish', SOLD],
  ['order', 'consumer.before-handler', SOLD],
  ['order', 'consumer.after-commit', SOLD],
  ['order', 'consumer.after-ack', SOLD],
  ['order', 'order.before-grant-commit', SOLD],
  ['order', 'order.after-grant-commit', SOLD],
  ['order', 'order.before-turn-commit', GIVEN_BACK],
  ['order', 'order.after-turn-commit', GIVEN_BACK],
  ['order', 'order.before-end-commit', SOLD],
  ['order', 'order.before-end-commit', GIVEN_BACK],
  ['inventory', 'inventory.before-reserve-commit', SOLD],
  ['inventory', 'consumer.after-commit', SOLD],
  ['inventory', 'relay.after-publish', SOLD],
  ['inventory', 'inventory.before-commit-stock-commit', SOLD],
  ['inventory', 'inventory.before-release-commit', GIVEN_BACK],
  ['payment', 'payment.before-open-commit', SOLD],
  ['payment', 'payment.after-open-commit', SOLD],
  ['payment', 'payment.after-provider-call', SOLD],
  ['payment', 'payment.before-outcome-commit', SOLD],
  ['payment', 'payment.after-outcome-commit', SOLD],
  ['payment', 'relay.after-publish', SOLD],
  ['payment', 'payment.after-close-commit', GIVEN_BACK],
  ['payment', 'payment.after-refund-call', GIVEN_BACK],
  ['payment', 'payment.after-refund-commit', GIVEN_BACK],
  ['payment-provider', 'provider.after-capture-commit', SOLD],
  ['payment-provider', 'provider.after-refund-commit', GIVEN_BACK],
  ['shipping', 'shipping.before-shipment-commit', SOLD],
  ['shipping', 'consumer.after-commit', SOLD],
  ['shipping', 'relay.after-publish', GIVEN_BACK],
];

const CONSUMERS = ['order', 'inventory', 'payment', 'shipping', 'notification', 'cart'];

const crashes = (flow: OrderFlow, points: readonly Point[]) => () => {
  let system: RunningSystem;
  before(async () => {
    system = await startSystem({ env: { ORDER_FLOW: flow } });
    await system.token('alice');
  });
  after(() => system?.stop());

  for (const [service, point, wish] of points) {
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
        const held = CONSUMERS.map((name) => system.sql(name, 'SELECT FROM inbox_held'));
        const left = await Promise.all([system.sql('bus', 'SELECT FROM bus.delivery'), ...held]);
        return left.flat().length === 0;
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
};

for (const [flow, points] of [
  ['orchestration', LED],
  ['choreography', BY_EVENTS],
] as const)
  describe(
    `an order by ${flow} survives a crash between any two effects`,
    { timeout: 200_000 },
    crashes(flow, points),
  );
