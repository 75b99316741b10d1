import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { afterCrash, NO_CRASHES } from './restart-policy.ts';

/** The waits after crashes, each `readyForMs` after the process was ready; ends with `gave up` when that comes. */
function waits(...readyForMs: number[]): (number | string)[] {
  let history = NO_CRASHES;
  const seen: (number | string)[] = [];
  for (const ms of readyForMs) {
    const next = afterCrash(history, { readyForMs: ms, isOwnFault: true });
    if (next.isLoop) return [...seen, 'gave up'];
    seen.push(next.delayMs);
    history = next.history;
  }
  return seen;
}

describe('the restart policy', () => {
  it('doubles the wait from 0.2 s up to 10 s', () => {
    const minuteApart = Array.from({ length: 8 }, () => 30_000);
    assert.deepEqual(waits(...minuteApart), [200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
  });

  it('gives up after five quick crashes in a row', () => {
    assert.deepEqual(waits(0, 0, 0, 0, 0), [200, 400, 800, 1_600, 'gave up']);
    assert.deepEqual(waits(100, 4_999, 0, 10, 0), [200, 400, 800, 1_600, 'gave up']);
  });

  it('does not give up on a process that is killed now and then', () => {
    assert.equal(waits(0, 0, 0, 0, 5_000, 0, 0, 0, 0, 5_000).includes('gave up'), false);
  });

  it('does not count what happens while something that it needs is away, but waits longer each time', () => {
    let history = NO_CRASHES;
    const waited: number[] = [];
    for (let crash = 0; crash < 9; crash += 1) {
      const next = afterCrash(history, { readyForMs: 0, isOwnFault: crash < 2 });
      assert.equal(next.isLoop, false);
      waited.push(next.delayMs);
      history = next.history;
    }
    assert.deepEqual(waited, [200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000, 10_000]);
    assert.equal(history.quickCrashes, 2, 'its own');
  });

  it('starts over after a minute of health', () => {
    assert.deepEqual(waits(0, 0, 60_000, 0), [200, 400, 200, 400]);
  });
});
