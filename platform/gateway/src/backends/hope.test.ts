import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLastKnown } from './hope.ts';

describe('hope for a service without instances', () => {
  it('is there until the registry has been heard', () => {
    const hope = createLastKnown(() => 0);
    assert.equal(hope.isAlive, true);
    hope.answered(0);
    assert.equal(hope.isAlive, false);
    hope.answered(0);
    assert.equal(hope.isAlive, false);
  });

  it('lasts a minute after the instances went, and comes back with them', () => {
    let nowMs = 5;
    const hope = createLastKnown(() => nowMs);
    hope.answered(2);
    nowMs += 1_000_000;
    assert.equal(hope.isAlive, true);
    hope.answered(0);
    nowMs += 30_000;
    hope.answered(0);
    nowMs += 29_999;
    assert.equal(hope.isAlive, true);
    nowMs += 1;
    assert.equal(hope.isAlive, false);
    hope.answered(1);
    assert.equal(hope.isAlive, true);
  });
});
