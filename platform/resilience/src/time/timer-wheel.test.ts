import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createTimerWheel } from './timer-wheel.ts';

describe('the timer wheel', () => {
  it('never fires early, and at the first look after the time', () => {
    const wheel = createTimerWheel(100, 1_000);
    const fired: number[] = [];
    for (const dueMs of [1_050, 1_100, 1_149, 1_150, 1_999, 250_000])
      wheel.add(dueMs, () => fired.push(dueMs));
    wheel.advance(1_049);
    assert.deepEqual(fired, []);
    wheel.advance(1_149);
    assert.deepEqual(fired, [1_050, 1_100, 1_149]);
    wheel.advance(1_150);
    assert.deepEqual(fired.at(-1), 1_150);
    wheel.advance(249_999);
    assert.deepEqual(fired.at(-1), 1_999);
    wheel.advance(250_000);
    assert.deepEqual(fired.at(-1), 250_000);
  });

  it('agrees with a plain list, whatever is added, cancelled and skipped', () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed % below;
    };
    const wheel = createTimerWheel(10, 0);
    const waiting = new Map<number, number>();
    const fired = new Set<number>();
    const cancel = new Map<number, () => void>();
    let nowMs = 0;
    for (let id = 0; id < 5_000; id += 1) {
      const dueMs = nowMs + random(random(5) === 0 ? 30_000 : 300);
      waiting.set(id, dueMs);
      cancel.set(
        id,
        (
          (timer) => () =>
            timer.cancel()
        )(wheel.add(dueMs, () => fired.add(id))),
      );
      const victim = random(id + 1);
      if (random(3) === 0 && !fired.has(victim)) {
        cancel.get(victim)?.();
        waiting.delete(victim);
      }
      nowMs += random(25);
      wheel.advance(nowMs);
      for (const [other, due] of waiting) {
        assert.equal(fired.has(other), due <= nowMs, `timer ${other} due ${due} at ${nowMs}`);
        if (due <= nowMs) waiting.delete(other);
      }
    }
  });

  it('may be changed from within a callback', () => {
    const wheel = createTimerWheel(10, 0);
    const fired: string[] = [];
    const second = wheel.add(5, () => fired.push('second'));
    // Added later, so it is behind `second` in the list; `first` goes before it.
    const first = () => {
      fired.push('first');
      third.cancel();
      wheel.add(5, () => fired.push('added'));
    };
    second.cancel();
    wheel.add(5, first);
    const third = wheel.add(5, () => fired.push('third'));
    wheel.advance(9);
    wheel.advance(10);
    assert.deepEqual(fired, ['first', 'added']);
  });

  it('goes on with the rest after a callback that throws', () => {
    const wheel = createTimerWheel(10, 0);
    let fired = 0;
    wheel.add(1, () => {
      throw new Error('broken');
    });
    wheel.add(1, () => {
      fired += 1;
    });
    assert.throws(() => wheel.advance(10), /broken/);
    wheel.advance(10);
    assert.equal(fired, 1);
  });
});
