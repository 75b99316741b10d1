import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { bookCapture, bookRefund } from './ledger.ts';

it('books every amount with entries that sum to zero', () => {
  fc.assert(
    fc.property(fc.nat(), fc.constantFrom(bookCapture, bookRefund), (amountMinor, book) => {
      const { entries } = book({ amountMinor, currency: 'EUR' }, 'reference');
      const sum = entries.reduce((total, entry) => total + entry.amount.amountMinor, 0);
      assert.equal(sum, 0);
      assert.ok(entries.every((entry) => !Object.is(entry.amount.amountMinor, -0)));
    }),
  );
});

it('lets a refund cancel its capture on the clearing account', () => {
  const amount = { amountMinor: 500, currency: 'EUR' };
  const clearing = [...bookCapture(amount, 'c').entries, ...bookRefund(amount, 'r').entries]
    .filter((entry) => entry.account === 'provider-clearing')
    .reduce((total, entry) => total + entry.amount.amountMinor, 0);
  assert.equal(clearing, 0);
});
