import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OrderStatus } from '@shop/contracts';
import type { Order } from './domain/order.ts';
import { responseFor } from './order-response.ts';

const at = new Date('2026-01-01T00:00:00Z');
const orderIn = (status: OrderStatus, cancellationReason?: string): Order => ({
  ...{ id: 'order-1', customer: { id: 'alice' }, idempotencyKey: 'key-1', status, lines: [] },
  ...{ total: { amountMinor: 0, currency: 'EUR' }, createdAt: at, updatedAt: at, history: [] },
  shippingAddress: { name: 'A', line1: 'B', city: 'C', postalCode: 'D', country: 'DE' },
  ...(cancellationReason !== undefined && { cancellationReason }),
});

describe('what the client of an order is told', () => {
  it('follows from its state alone', () => {
    const kinds: Readonly<Record<OrderStatus, string>> = {
      Pending: 'underway',
      InventoryReserved: 'underway',
      PaymentProcessed: 'underway',
      Confirmed: 'confirmed',
      Cancelled: 'refused',
    };
    for (const [status, kind] of Object.entries(kinds))
      assert.equal(responseFor(orderIn(status as OrderStatus), 'trace').kind, kind, status);
  });

  it('names the reason of a cancellation, in words for those that are known', () => {
    assert.deepEqual(responseFor(orderIn('Cancelled', 'payment-declined'), 'trace-1'), {
      kind: 'refused',
      refusal: {
        code: 'payment-declined',
        detail: 'The payment was declined. Nothing was charged.',
        orderId: 'order-1',
        traceId: 'trace-1',
      },
    });
    for (const [reason, code] of [
      ['a-reason-of-tomorrow', 'a-reason-of-tomorrow'],
      [undefined, 'cancelled'],
    ]) {
      const told = responseFor(orderIn('Cancelled', reason), 'trace');
      assert.ok(told.kind === 'refused');
      assert.equal(told.refusal.code, code);
      assert.equal(told.refusal.detail, 'The order was cancelled.');
    }
  });
});
