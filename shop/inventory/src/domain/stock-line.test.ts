import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { findShortage, mergeLines, sameLines } from './stock-line.ts';

const anyLines = fc.array(
  fc.record({
    productId: fc.constantFrom('a', 'b', 'C', 'd-1'),
    quantity: fc.integer({ min: 1, max: 1_000 }),
  }),
  { maxLength: 50 },
);

test('merging keeps every quantity, has each product once and sorts by product, whatever the order of lines', () => {
  fc.assert(
    fc.property(anyLines, (lines) => {
      const merged = mergeLines(lines);
      const sum = (all: typeof lines | typeof merged) =>
        all.reduce((total, line) => total + line.quantity, 0);
      assert.equal(sum(merged), sum(lines));
      const ids = merged.map((line) => line.productId);
      assert.deepEqual(ids, [...new Set(lines.map((line) => line.productId))].sort());
      assert.ok(sameLines(merged, mergeLines(lines.toReversed())));
    }),
  );
});

test('lines differ by product, by quantity and by their number', () => {
  const line = { productId: 'a', quantity: 1 };
  assert.ok(sameLines([line], [{ ...line }]));
  assert.ok(!sameLines([line], [{ ...line, quantity: 2 }]));
  assert.ok(!sameLines([line], [{ ...line, productId: 'b' }]));
  assert.ok(!sameLines([line], []));
});

test('one line too large, or of a product that does not exist, is a shortage of the whole order', () => {
  const stock = [
    { productId: 'a', free: 5 },
    { productId: 'b', free: 0 },
  ];
  assert.equal(findShortage([{ productId: 'a', quantity: 5 }], stock), undefined);
  assert.equal(findShortage([{ productId: 'a', quantity: 6 }], stock), 'out-of-stock');
  const withSoldOut = [
    { productId: 'a', quantity: 1 },
    { productId: 'b', quantity: 1 },
  ];
  assert.equal(findShortage(withSoldOut, stock), 'out-of-stock');
  assert.equal(findShortage([...withSoldOut, { productId: 'c', quantity: 1 }], stock), 'unknown-product');
});
