import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ClaimRow, createShardLeases } from './shard-leases.ts';

describe('the leases of shards', () => {
  it('are claimed for longer by who is slow to renew them, ten times at most, and soon no more', async (t) => {
    const claimed: number[] = [];
    let [nowMs, slowMs] = [0, 0];
    t.mock.method(performance, 'now', () => nowMs);
    const leases = createShardLeases(
      {
        claim: async (leaseMs) => {
          assert.ok(Number.isInteger(leaseMs), `${leaseMs} ms`);
          claimed.push(leaseMs);
          nowMs += slowMs;
          return [{ shard: 0, token: '1', fair: 1 }];
        },
        release: async () => undefined,
        leave: async () => undefined,
      },
      100,
      () => null,
    );
    const last = async () => {
      await leases.refresh();
      return claimed.at(-1) ?? 0;
    };
    assert.equal(await last(), 100);
    slowMs = 150;
    await leases.refresh();
    assert.equal(leases.holds(0, '1'), false, 'it ended before the answer was there');
    assert.ok((await last()) >= 300, String(claimed));
    assert.ok(leases.intervalMs() >= 100);
    assert.equal(leases.holds(0, '1'), true);
    slowMs = 700;
    await leases.refresh();
    assert.equal(await last(), 1_000, String(claimed));
    slowMs = 0;
    for (let n = 0; n < 60; n += 1) await leases.refresh();
    assert.equal(await last(), 100);
  });

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
