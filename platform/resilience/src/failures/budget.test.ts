import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fullJitterMs, retryAfterMs } from '../time/backoff.ts';
import { createRetryBudget } from './retry-budget.ts';

describe('a retry budget', () => {
  it('never allows more than its share, and three a second', () => {
    const step = fc.record({ earn: fc.nat(30), spend: fc.nat(30), waitMs: fc.nat(2_000) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), fc.integer({ min: 1, max: 100 }), (steps, percent) => {
        const budget = createRetryBudget(percent);
        let nowMs = 0;
        let calls = 0;
        let retries = 0;
        for (const { earn, spend, waitMs } of steps) {
          nowMs += waitMs;
          for (let index = 0; index < earn; index += 1) budget.earn();
          calls += earn;
          for (let index = 0; index < spend; index += 1) if (budget.spend(nowMs)) retries += 1;
          const most = (calls * percent) / 100 + 3 + (3 * nowMs) / 1_000;
          assert.ok(retries <= most + 1e-6, `${retries} retries of ${calls} calls in ${nowMs} ms`);
        }
      }),
    );
  });

  it('gives a thousand calls that fail together a tenth, and no more', () => {
    const budget = createRetryBudget(10);
    for (let call = 0; call < 1_000; call += 1) budget.earn();
    const allowed = Array.from({ length: 1_000 }, () => budget.spend(0)).filter(Boolean).length;
    assert.equal(allowed, 103);
  });
});

describe('backoff', () => {
  it('spreads over the whole wait', () => {
    const slots = new Array<number>(10).fill(0);
    let seed = 1;
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    for (let caller = 0; caller < 4_000; caller += 1) {
      const slot = Math.floor(fullJitterMs(2, 50, 1_000, random) / 10);
      slots[slot] = (slots[slot] ?? 0) + 1;
    }
    const chiSquare = slots.reduce((sum, count) => sum + (count - 400) ** 2 / 400, 0);
    assert.ok(chiSquare < 27.9, `χ² of 9 degrees is ${chiSquare}, above the 0.1 % bound`);
  });

  it('stays below its bounds', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.double({ min: 0, max: 0.999_999, noNaN: true }),
        (n, r) => {
          const delayMs = fullJitterMs(n, 50, 1_000, () => r);
          assert.ok(delayMs >= 0 && delayMs < Math.min(1_000, 50 * 2 ** (n - 1)));
        },
      ),
    );
  });
});

describe('Retry-After', () => {
  const now = new Date('2026-06-01T12:00:00Z');

  it('is read as seconds or as a date', () => {
    assert.equal(retryAfterMs('3600', now), 3_600_000);
    assert.equal(retryAfterMs('0', now), 0);
    assert.equal(retryAfterMs(' 2 ', now), 2_000);
    assert.equal(retryAfterMs('Mon, 01 Jun 2026 12:00:30 GMT', now), 30_000);
    assert.equal(retryAfterMs('Mon, 01 Jun 2026 11:00:00 GMT', now), 0);
    assert.equal(retryAfterMs('9'.repeat(15), now), 86_400_000);
  });

  it('is nothing when it is neither', () => {
    for (const text of [
      '',
      '-1',
      '1e9',
      '1.5',
      'soon',
      'Infinity',
      '2026-06-01',
      '9'.repeat(16),
      'Xyz, 99 Foo 2026 12:00:00 GMT',
    ])
      assert.equal(retryAfterMs(text, now), undefined, text);
    assert.equal(retryAfterMs(undefined, now), undefined);
  });

  it('never throws and never goes back in time', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const ms = retryAfterMs(text, now);
        assert.ok(ms === undefined || (ms >= 0 && ms <= 86_400_000));
      }),
    );
  });
});
