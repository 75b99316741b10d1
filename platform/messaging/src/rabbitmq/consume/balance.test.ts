import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createBalance } from './balance.ts';

const ACTIVE = [0, 1, 2, 3];

describe('the balance of shards', () => {
  it('leaves to others what is more than the fair share', () => {
    const given = [1, 2, 3, 4, 9].map((processes) => {
      const balance = createBalance(4);
      balance.look(processes, ACTIVE);
      return balance.look(processes, ACTIVE);
    });
    assert.deepEqual(given, [[], [2, 3], [2, 3], [1, 2, 3], [1, 2, 3]]);
  });

  it('does not move shards for a process that only comes and goes', () => {
    const balance = createBalance(4);
    for (const processes of [1, 2, 1, 2, 3]) assert.deepEqual(balance.look(processes, ACTIVE), []);
    assert.deepEqual(balance.look(3, ACTIVE), [2, 3]);
  });

  it('keeps everything when nobody is counted', () => {
    const balance = createBalance(4);
    balance.look(0, ACTIVE);
    assert.deepEqual(balance.look(0, ACTIVE), []);
  });
});
