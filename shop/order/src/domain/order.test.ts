import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type OrderStatus, orderStatuses } from '@shop/contracts';
import { canBecome, isTerminal, mergeItems, priceItems } from './order.ts';

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
