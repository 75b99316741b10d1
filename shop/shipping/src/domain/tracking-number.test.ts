import assert from 'node:assert/strict';
import { it } from 'node:test';
import { trackingNumber } from './tracking-number.ts';

it('carries the check digit of the postal standard', () => {
  // The example of UPU S10: 47312482 has the check digit 9.
  assert.equal(trackingNumber(47_312_482), 'CF473124829DE');
});

it('turns the rests 10 and 11 into 0 and 5', () => {
  assert.equal(trackingNumber(0), 'CF000000005DE');
  assert.match(trackingNumber(3), /^CF00000003[0-9]DE$/);
});

it('refuses a serial that does not fit', () => {
  assert.throws(() => trackingNumber(100_000_000), RangeError);
  assert.throws(() => trackingNumber(1.5), RangeError);
});
