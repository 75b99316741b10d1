import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decideSpec } from '@flotilla/event-store/testing';
import { type OrderStatus, orderStatuses } from '@shop/contracts';
import {
  canBecome,
  isTerminal,
  mergeItems,
  type Order,
  type OrderCommand,
  type OrderEvent,
  orderDecider,
  priceItems,
  STATUS_AFTER,
} from './order.ts';

const tea = { id: 'tea', name: 'Tea', price: { amountMinor: 450, currency: 'EUR' } };
const pot = { id: 'pot', name: 'Pot', price: { amountMinor: 2_999, currency: 'EUR' } };

describe('the life of an order', () => {
  it('goes forward one step at a time, and can be cancelled until it is confirmed', () => {
    const legal = orderStatuses.flatMap((from) =>
      orderStatuses.filter((to) => canBecome(from, to)).map((to) => `${from} > ${to}`),
    );
    assert.deepEqual(legal, [
      'Pending > InventoryReserved',
      'Pending > Cancelled',
      'InventoryReserved > PaymentProcessed',
      'InventoryReserved > Cancelled',
      'PaymentProcessed > Confirmed',
      'PaymentProcessed > Cancelled',
    ]);
  });

  it('ends in Confirmed or Cancelled', () => {
    const terminal: OrderStatus[] = orderStatuses.filter(isTerminal);
    assert.deepEqual(terminal, ['Confirmed', 'Cancelled']);
  });
});

const AT = '2026-11-25T12:00:00.000Z';
const order: Order = {
  id: 'o1',
  customer: { id: 'alice', email: 'alice@example.com' },
  idempotencyKey: 'k',
  status: 'Pending',
  lines: [{ productId: 'tea', name: 'Tea', quantity: 2, unitPrice: tea.price }],
  total: { amountMinor: 900, currency: 'EUR' },
  shippingAddress: { name: 'A', line1: 'B', city: 'C', postalCode: '1', country: 'AT' },
  createdAt: new Date(AT),
  updatedAt: new Date(AT),
  history: [{ status: 'Pending', at: new Date(AT) }],
};
const { customer, idempotencyKey, lines, total, shippingAddress } = order;
const placed: OrderEvent = {
  type: 'order-placed',
  data: { customer, idempotencyKey, lines, total, shippingAddress, at: AT },
};
const reserved: OrderEvent = { type: 'inventory-reserved', data: { at: AT } };
const paid: OrderEvent = { type: 'payment-processed', data: { at: AT } };
const confirmed: OrderEvent = { type: 'order-confirmed', data: { at: AT } };
const cancelled: OrderEvent = { type: 'order-cancelled', data: { at: AT, reason: 'out-of-stock' } };
const advance = (to: OrderStatus, reason?: string): OrderCommand => ({
  kind: 'advance',
  to,
  at: new Date(AT),
  ...(reason !== undefined && { reason }),
});

describe('an order', () => {
  const { given } = decideSpec(orderDecider);

  it('is placed once', () => {
    given().when({ kind: 'place', order }).expect(placed);
    given(placed).when({ kind: 'place', order }).expectRefused('illegal-transition');
  });

  it('records each step of its way', () => {
    given(placed).when(advance('InventoryReserved')).expect(reserved);
    given(placed, reserved).when(advance('PaymentProcessed')).expect(paid);
    given(placed, reserved, paid).when(advance('Confirmed')).expect(confirmed);
    for (const before of [[placed], [placed, reserved], [placed, reserved, paid]])
      given(...before)
        .when(advance('Cancelled', 'out-of-stock'))
        .expect(cancelled);
  });

  it('refuses every other step, and all before it was placed', () => {
    const ways = [[placed], [placed, reserved], [placed, reserved, paid], [placed, cancelled]];
    for (const to of orderStatuses) given().when(advance(to)).expectRefused('illegal-transition');
    for (const way of ways) {
      const status = STATUS_AFTER[way.at(-1)?.type ?? 'order-placed'];
      for (const to of orderStatuses.filter((next) => !canBecome(status, next)))
        given(...way)
          .when(advance(to))
          .expectRefused('illegal-transition');
    }
  });

  it('is what its last event says', () => {
    const state = [placed, reserved, paid, confirmed].reduce(orderDecider.evolve, orderDecider.initial);
    assert.deepEqual(state, { status: 'Confirmed' });
  });
});

describe('pricing', () => {
  it('takes prices from the catalogue and sums them', () => {
    const priced = priceItems(
      [
        { productId: 'tea', quantity: 3 },
        { productId: 'pot', quantity: 1 },
      ],
      [pot, tea],
    );
    assert.ok(priced.ok);
    assert.deepEqual(priced.value.total, { amountMinor: 4_349, currency: 'EUR' });
    assert.deepEqual(
      priced.value.lines.map((line) => line.name),
      ['Tea', 'Pot'],
    );
  });

  it('names every product that does not exist', () => {
    const priced = priceItems(
      [
        { productId: 'tea', quantity: 1 },
        { productId: 'x', quantity: 1 },
        { productId: 'y', quantity: 1 },
      ],
      [tea],
    );
    assert.deepEqual(priced, { ok: false, rejection: { code: 'unknown-product', productIds: ['x', 'y'] } });
  });

  it('refuses to add different currencies', () => {
    const dollar = { id: 'usd', name: 'D', price: { amountMinor: 1, currency: 'USD' } };
    assert.deepEqual(
      priceItems(
        [
          { productId: 'tea', quantity: 1 },
          { productId: 'usd', quantity: 1 },
        ],
        [tea, dollar],
      ),
      {
        ok: false,
        rejection: { code: 'mixed-currencies' },
      },
    );
  });

  it('merges lines of one product', () => {
    assert.deepEqual(
      mergeItems([
        { productId: 'a', quantity: 1 },
        { productId: 'b', quantity: 2 },
        { productId: 'a', quantity: 3 },
      ]),
      [
        { productId: 'a', quantity: 4 },
        { productId: 'b', quantity: 2 },
      ],
    );
  });
});
