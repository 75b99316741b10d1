import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { createTimers } from './timers.ts';

describe('timers', () => {
  it('fire by the clock, not when cancelled or closed', async () => {
    const timers = createTimers({ tickMs: 5 });
    const startMs = performance.now();
    let firedMs = 0;
    let wrong = 0;
    timers.after(20, () => {
      firedMs = performance.now();
    });
    timers
      .after(10, () => {
        wrong += 1;
      })
      .cancel();
    await eventually('it fires', () => firedMs > 0);
    assert.ok(firedMs - startMs >= 20);
    timers.after(0, () => {
      wrong += 1;
    });
    timers.close();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(wrong, 0);
    assert.throws(() => createTimers({ tickMs: 0 }), RangeError);
  });
});
