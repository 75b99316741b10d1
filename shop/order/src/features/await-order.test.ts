import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { OrderStore } from '../order-store.ts';
import { createAwaitOrder } from './await-order.ts';

it('an accepted order that is not in the store is a fault of ours, and names the order', async () => {
  const orders: Pick<OrderStore, 'find'> = { find: async () => undefined };
  const awaitOrder = createAwaitOrder(orders, { until: async () => undefined });
  await assert.rejects(awaitOrder.now('order-1', 'customer-1'), {
    code: 'ORDER_MISSING',
    details: { orderId: 'order-1' },
  });
});
