import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createStaticResolver } from '../providers/static-resolver.ts';
import { createRoundRobin } from './round-robin.ts';

describe('round robin', () => {
  const { pick } = createRoundRobin(createStaticResolver({ order: ['a:1', 'b:2', 'c:3'], empty: [] }));
  const hosts = async (count: number, exclude?: ReadonlySet<string>) => {
    const picked: string[] = [];
    for (let turn = 0; turn < count; turn += 1)
      picked.push((await pick('order', exclude ? { exclude } : {})).host);
    return picked;
  };

  it('takes every instance in turn', async () => {
    assert.deepEqual((await hosts(6)).sort(), ['a', 'a', 'b', 'b', 'c', 'c']);
  });

  it('never takes an excluded instance', async () => {
    assert.deepEqual(new Set(await hosts(6, new Set(['order@b:2']))), new Set(['a', 'c']));
  });

  it('fails with a retryable code when no instance is left', async () => {
    const none = { code: 'DISCOVERY_NO_ENDPOINT', retryable: true };
    await assert.rejects(pick('empty'), none);
    await assert.rejects(pick('unknown'), none);
    await assert.rejects(pick('order', { exclude: new Set(['order@a:1', 'order@b:2', 'order@c:3']) }), none);
  });
});

describe('static endpoints', () => {
  it('must be host:port', () => {
    for (const address of ['a', 'a:', ':1', 'a:0', 'a:70000', 'a:x'])
      assert.throws(() => createStaticResolver({ order: [address] }), RangeError, address);
  });
});
