import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createManualClock } from '@flotilla/kernel/testing';
import { silentLogger } from '@flotilla/telemetry';
import { repeat } from './repeat.ts';

describe('a periodic task', () => {
  it('runs at once, again after each interval, survives failures, and ends with the signal', async () => {
    const clock = createManualClock();
    const end = new AbortController();
    let rounds = 0;
    const round = async () => {
      rounds += 1;
      if (rounds === 2) throw new Error('the database is away');
    };
    const done = repeat({
      name: 'prune',
      everyMs: 1_000,
      round,
      clock,
      logger: silentLogger,
      signal: end.signal,
    });
    for (const expected of [1, 2, 3]) {
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(rounds, expected);
      await clock.advance(1_000);
    }
    end.abort();
    await done;
    assert.equal(rounds, 4);
  });
});
