import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ClaimRow, createShardLeases } from './shard-leases.ts';

describe('the leases of shards', () => {
  it('do not come back by a claim that was on its way when they were given back', async () => {
    const answers: ((rows: readonly ClaimRow[]) => void)[] = [];
    const leases = createShardLeases(
      {
        claim: () => new Promise((resolve) => answers.push(resolve)),
        release: async () => undefined,
        leave: async () => undefined,
      },
      60_000,
      () => null,
    );
    const refresh = async (rows: readonly ClaimRow[]) => {
      const refreshed = leases.refresh();
      answers.shift()?.(rows);
      await refreshed;
    };
    const both = [0, 1].map((shard) => ({ shard, token: '1', fair: 1 }));
    await refresh(both);
    const claiming = leases.refresh();
    await leases.release(leases.surplus());
    answers.shift()?.(both);
    await claiming;
    assert.deepEqual([...leases.active()], [[0, '1']]);
    assert.equal(leases.holds(1, '1'), false);
    await refresh([0, 1].map((shard) => ({ shard, token: shard === 0 ? '1' : '3', fair: 2 })));
    assert.equal(leases.holds(1, '3'), true, 'it is gained again');
  });
});
