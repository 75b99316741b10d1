import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLastKnown } from './last-known.ts';

describe('what is known of a service without instances', () => {
  it('is there until the registry has been heard', () => {
    const lastKnown = createLastKnown(() => 0);
    assert.equal(lastKnown.isAlive, true);
    lastKnown.answered(0);
    assert.equal(lastKnown.isAlive, false);
    lastKnown.answered(0);
    assert.equal(lastKnown.isAlive, false);
  });

  it('lasts a minute after the instances went, and comes back with them', () => {
    let nowMs = 5;
    const lastKnown = createLastKnown(() => nowMs);
    lastKnown.answered(2);
    nowMs += 1_000_000;
    assert.equal(lastKnown.isAlive, true);
    lastKnown.answered(0);
    nowMs += 30_000;
    lastKnown.answered(0);
    nowMs += 29_999;
    assert.equal(lastKnown.isAlive, true);
    nowMs += 1;
    assert.equal(lastKnown.isAlive, false);
    lastKnown.answered(1);
    assert.equal(lastKnown.isAlive, true);
  });
});
