import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SHARDS, shardOf } from './shard.ts';

it('never changes where a key belongs, because stored rows rely on it', () => {
  const keys = ['', 'a', 'order-1', '01a20d49-2256-7ab7-a69c-5231033b63ae', '世界'];
  assert.deepEqual(keys.map(shardOf), [9, 0, 2, 10, 12]);
});

it('spreads keys evenly', () => {
  const counts = new Array<number>(SHARDS).fill(0);
  for (let n = 0; n < 16_000; n += 1)
    counts[shardOf(`order-${n}`)] = (counts[shardOf(`order-${n}`)] ?? 0) + 1;
  assert.ok(
    counts.every((count) => count > 700 && count < 1_300),
    counts.join(' '),
  );
});
