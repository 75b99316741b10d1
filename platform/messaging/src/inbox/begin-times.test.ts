import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createBeginTimes } from './begin-times.ts';

it('who was slow to begin claims more time, up to a minute, and less again once it is quick', () => {
  const times = createBeginTimes();
  assert.equal(times.claimMs(), 1_000);
  times.began(3);
  assert.equal(times.claimMs(), 1_000);
  times.began(1_500);
  assert.equal(times.claimMs(), 6_000);
  times.began(40_000);
  assert.equal(times.claimMs(), 60_000);
  for (let n = 0; n < 60; n += 1) times.began(3);
  assert.equal(times.claimMs(), 1_000);
});
