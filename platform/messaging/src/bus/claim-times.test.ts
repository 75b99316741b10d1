import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createClaimTimes } from './claim-times.ts';

it('who was slow claims more time, up to a limit, and less again once it is quick', () => {
  const times = createClaimTimes({ minMs: 1_000, maxMs: 60_000, margin: 4 });
  assert.equal(times.claimMs(), 1_000);
  times.took(3);
  assert.equal(times.claimMs(), 1_000);
  times.took(1_500);
  assert.equal(times.claimMs(), 6_000);
  times.took(3_600_000);
  assert.equal(times.claimMs(), 60_000);
  for (let n = 0; n < 60; n += 1) times.took(3);
  assert.equal(times.claimMs(), 1_000);
});
