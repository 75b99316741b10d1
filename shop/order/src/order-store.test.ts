import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import {
  createEventStore,
  readProjectionCommand,
  readStream,
  requestProjection,
} from '@flotilla/event-store';
import { uuidv7 } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import type { Order } from './domain/order.ts';
import { orderEvents } from './order-events.ts';
import { orderView } from './order-projection.ts';
import { createOrderStore, type OrderStore } from './order-store.ts';
import { startTestOrders, type TestOrders } from './testing.ts';

const AT = new Date('2026-11-25T12:00:00.123Z');

function newOrder(): Order {
  return {
    id: uuidv7(),
    customer: { id: 'alice', email: 'alice@example.com', tenantId: 't1' },
    idempotencyKey: randomUUID(),
    status: 'Pending',
    lines: [
      { productId: 'tea', name: 'Tea', quantity: 2, unitPrice: { amountMinor: 450, currency: 'EUR' } },
      { productId: 'pot', name: 'Pot', quantity: 1, unitPrice: { amountMinor: 2_999, currency: 'EUR' } },
    ],
    total: { amountMinor: 3_899, currency: 'EUR' },
    shippingAddress: { name: 'A', line1: 'B', city: 'C', postalCode: '1', country: 'AT' },
    createdAt: AT,
    updatedAt: AT,
    history: [{ status: 'Pending', at: AT }],
  };
}

describe('the order store', () => {
  let service: TestOrders;
  let orders: OrderStore;
  before(async () => {
    service = await startTestOrders();
    orders = createOrderStore(service.db, createEventStore({ projections: [orderView] }));
  });
  after(() => service.close());

  async function insert(): Promise<Order> {
    const order = newOrder();
    await service.db.transaction((tx) => orders.insert(tx, order));
    return order;
  }
  const advance = (id: string, to: Order['status'], reason?: string) =>
    service.db.transaction((tx) => orders.advance(tx, id, to, AT, reason));

  it('gives back an order as it was placed', async () => {
    const order = await insert();
    assert.deepEqual(await orders.find(order.id, 'alice'), order);
    // Answers keep the order of fields, although jsonb does not.
    const lines = (await orders.find(order.id, 'alice'))?.lines;
    assert.equal(JSON.stringify(lines), JSON.stringify(order.lines));
    assert.equal(await orders.find(order.id, 'bob'), undefined);
  });

  it('shows in the transaction itself what it wrote', async () => {
    const order = newOrder();
    const failing = service.db.transaction(async (tx) => {
      await orders.insert(tx, order);
      assert.equal(await orders.advance(tx, order.id, 'InventoryReserved', AT), true);
      const [row] = await tx.query<{ status: string }>('SELECT status FROM order_view WHERE id = $1', [
        order.id,
      ]);
      assert.equal(row?.status, 'InventoryReserved');
      throw new Error('rolled back');
    });
    await assert.rejects(failing, /rolled back/);
    assert.equal(await orders.find(order.id, 'alice'), undefined);
    assert.deepEqual(await readStream(service.db, orderEvents.stream(order.id)), []);
  });

  it('has an event for every step, and refuses steps that are not legal', async () => {
    const { id } = await insert();
    assert.equal(await advance(id, 'Confirmed'), false);
    assert.equal(await advance(id, 'InventoryReserved'), true);
    assert.equal(await advance(id, 'Cancelled', 'out-of-stock'), true);
    assert.equal(await advance(id, 'PaymentProcessed'), false);
    assert.equal(await advance(uuidv7(), 'InventoryReserved'), false);
    const events = await readStream(service.db, orderEvents.stream(id));
    assert.deepEqual(
      events.map((event) => event.type),
      ['order-placed', 'inventory-reserved', 'order-cancelled'],
    );
    assert.equal(events.at(-1)?.correlationId, id);
    const shown = await orders.find(id, 'alice');
    assert.equal(shown?.cancellationReason, 'out-of-stock');
    assert.deepEqual(
      shown?.history.map((step) => step.status),
      ['Pending', 'InventoryReserved', 'Cancelled'],
    );
  });

  it('lets one of two win who want to move an order', async () => {
    const { id } = await insert();
    const moved = await Promise.all([advance(id, 'InventoryReserved'), advance(id, 'InventoryReserved')]);
    assert.deepEqual(moved.toSorted(), [false, true]);
  });

  it('shows exactly the same after a rebuild', async () => {
    const placed = [];
    for (let n = 0; n < 5; n += 1) placed.push(await insert());
    await advance(placed[0]?.id ?? '', 'InventoryReserved');
    await advance(placed[1]?.id ?? '', 'Cancelled', 'order-expired');
    const all = () => service.db.query('SELECT * FROM order_view ORDER BY id');
    const before = await all();
    const id = await requestProjection(service.db, { name: 'order_view', verb: 'rebuild', by: 'test' });
    const done = await eventually('it is rebuilt', async () => {
      const found = await readProjectionCommand(service.db, id);
      return found?.status === 'done' && found;
    });
    assert.equal(done.outcome, 'generation 2 is what readers see');
    assert.deepEqual(await all(), before);
    const next = await insert();
    assert.deepEqual(await orders.find(next.id, 'alice'), next);
  });

  it('finds a page of orders by the index, whatever generation is shown', async () => {
    const plan = await service.db.transaction(async (tx) => {
      await tx.query('SET LOCAL enable_seqscan = off');
      return await tx.query<{ 'QUERY PLAN': string }>(
        "EXPLAIN SELECT * FROM order_view WHERE customer_id = 'alice' ORDER BY id DESC LIMIT 20",
      );
    });
    const text = plan.map((line) => line['QUERY PLAN']).join('\n');
    assert.match(text, /order_view_by_customer/);
    assert.doesNotMatch(text, /Sort/);
  });
});
