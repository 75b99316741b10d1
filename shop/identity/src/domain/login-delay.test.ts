import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { accountRule, addressRule, delayMs } from './login-delay.ts';

describe('the delay after failed logins', () => {
  it('is nothing for the first failures, then doubles from a second', () => {
    const delays = [0, 1, 5, 6, 7, 8, 9].map((failures) => delayMs(failures, accountRule));
    assert.deepEqual(delays, [0, 0, 0, 1_000, 2_000, 4_000, 8_000]);
  });

  it('is never for ever', () => {
    assert.equal(delayMs(10_000, accountRule), 15 * 60_000);
    assert.equal(delayMs(10_000, addressRule), 60_000);
  });

  it('leaves an address that many people share far more room than an account', () => {
    assert.equal(delayMs(50, addressRule), 0);
    assert.equal(delayMs(51, addressRule), 1_000);
  });
});
