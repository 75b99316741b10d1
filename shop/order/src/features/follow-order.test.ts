import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createManualClock } from '@flotilla/kernel/testing';
import type { OrderStatus } from '@shop/contracts';
import type { Order } from '../domain/order.ts';
import { createOrderWatch } from '../order-watch.ts';
import { createFollowOrder } from './follow-order.ts';

const AT = new Date('2026-11-25T12:00:00Z');

/** One order of alice that the test moves on. */
function rig() {
  const clock = createManualClock();
  const live = createOrderWatch(clock, 500);
  const steps: OrderStatus[] = ['Pending'];
  const order = (): Order => ({
    id: 'o-1',
    customer: { id: 'alice' },
    idempotencyKey: 'key',
    status: steps.at(-1) ?? 'Pending',
    lines: [],
    total: { amountMinor: 0, currency: 'EUR' },
    shippingAddress: { name: 'A', line1: 'B', city: 'C', postalCode: '1', country: 'AT' },
    history: steps.map((status) => ({ status, at: AT })),
    createdAt: AT,
    updatedAt: AT,
  });
  const find = async (id: string, customerId: string) =>
    id === 'o-1' && customerId === 'alice' ? order() : undefined;
  const followOrder = createFollowOrder({ orders: { find }, live, clock });
  const follow = async (
    last?: string,
    { customerId = 'alice', signal = new AbortController().signal } = {},
  ) => await followOrder({ orderId: 'o-1', customerId, last }, signal);
  return {
    clock,
    follow,
    /** `here`: by this process, whose followers are told; else by another replica. */
    move: (to: OrderStatus, here = true) => {
      steps.push(to);
      if (here) live.changed('o-1');
    },
  };
}

async function eventsOf(outcome: Awaited<ReturnType<ReturnType<typeof rig>['follow']>>) {
  assert.equal(outcome.kind, 'events');
  if (outcome.kind !== 'events') throw new TypeError('no events');
  const steps = outcome.events[Symbol.asyncIterator]();
  assert.deepEqual(await steps.next(), { done: false, value: 'retry: 1000\n\n' });
  return steps;
}

const idAndStatus = (text: string | undefined) => {
  const [, id, data = '{}'] = /^id: (\d+)\nevent: status\ndata: (.*)\n\n$/.exec(text ?? '') ?? [];
  return `${id} ${(JSON.parse(data) as { status?: string }).status}`;
};

describe('following an order', () => {
  it('tells its state, each step, and ends with the terminal one', async () => {
    const { follow, move } = rig();
    const steps = await eventsOf(await follow());
    assert.equal(idAndStatus((await steps.next()).value), '1 Pending');
    move('InventoryReserved');
    assert.equal(idAndStatus((await steps.next()).value), '2 InventoryReserved');
    const next = steps.next();
    move('PaymentProcessed');
    move('Confirmed');
    assert.equal(idAndStatus((await next).value), '4 Confirmed');
    assert.equal((await steps.next()).done, true);
  });

  it('goes on after the event that was read last, and says when there is nothing more', async () => {
    const { follow, move } = rig();
    move('InventoryReserved');
    const steps = await eventsOf(await follow('1'));
    assert.equal(idAndStatus((await steps.next()).value), '2 InventoryReserved');
    move('Cancelled');
    assert.equal((await follow('3')).kind, 'over');
    for (const nonsense of ['', 'x', '-1', '1e9', '99999'])
      assert.equal(
        idAndStatus((await (await eventsOf(await follow(nonsense))).next()).value),
        '3 Cancelled',
        nonsense,
      );
  });

  it('sees what another replica did within half a second', async () => {
    const { follow, move, clock } = rig();
    const steps = await eventsOf(await follow('1'));
    const next = steps.next();
    await clock.advance(0);
    move('InventoryReserved', false);
    await clock.advance(500);
    assert.equal(idAndStatus((await next).value), '2 InventoryReserved');
  });

  it('says something every 15 seconds, and has the reader come back after five minutes', async () => {
    const { follow, clock } = rig();
    const steps = await eventsOf(await follow('1'));
    for (let beat = 0; beat < 20; beat += 1) {
      const next = steps.next();
      for (let n = 0; n < 30; n += 1) await clock.advance(500);
      assert.deepEqual(await next, { done: false, value: ': \n\n' }, `beat ${beat}`);
    }
    assert.equal((await steps.next()).done, true);
  });

  it('is for the customer alone, in so many tabs as somebody may have', async () => {
    const { follow } = rig();
    assert.equal((await follow(undefined, { customerId: 'bob' })).kind, 'not-found');
    const gone = new AbortController();
    const six = await Promise.all(
      Array.from({ length: 6 }, () => follow(undefined, { signal: gone.signal })),
    );
    assert.equal((await follow()).kind, 'too-many');
    gone.abort(); // also of streams that nobody began to read
    const steps = await eventsOf(six[0] ?? { kind: 'over' });
    assert.equal((await steps.next()).done, true);
    assert.equal((await follow()).kind, 'events');
  });
});
