import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SHARDS, shardOf } from '../../bus/shard.ts';
import { routingKey, topologyOfQueue, topologyOfSubscription } from './topology.ts';

const SHAPE = { shards: 4, deliveryLimit: 50 };

describe('the topology of a consumer', () => {
  it('leads every key to one of its shards, commands and events of a key to the same', () => {
    const { bindings } = topologyOfQueue('order', SHAPE);
    const target = (key: string) =>
      bindings.filter(({ pattern }) => pattern === key.replace(/^(event|command)/, '*')).map(({ to }) => to);
    for (let n = 0; n < 100; n += 1) {
      const shard = shardOf(`key-${n}`);
      assert.deepEqual(target(routingKey(shard, false)), [`order.0${shard % 4}`]);
      assert.deepEqual(target(routingKey(shard, true)), [`order.0${shard % 4}`]);
    }
    assert.equal(new Set(bindings.map(({ pattern }) => pattern)).size, SHARDS + 3);
  });

  it('gives every shard a delivery limit and a dead-letter exchange that loses nothing', () => {
    const shards = topologyOfQueue('order', SHAPE).queues.filter(({ name }) => name !== 'order.dlq');
    assert.equal(shards.length, 4);
    for (const { arguments: declared } of shards) {
      assert.equal(declared['x-queue-type'], 'quorum');
      assert.equal(declared['x-single-active-consumer'], true);
      assert.equal(declared['x-delivery-limit'], 50);
      assert.equal(declared['x-dead-letter-exchange'], 'order.dlx');
      assert.equal(declared['x-dead-letter-strategy'], 'at-least-once');
      assert.equal(declared['x-overflow'], 'reject-publish');
    }
  });

  it('does not bind what is not subscribed to', () => {
    const { bindings } = topologyOfSubscription('order', ['a.done.v1']);
    assert.deepEqual(
      bindings.filter(({ toKind }) => toKind === 'exchange'),
      [{ from: 'a.done.v1', to: 'order', toKind: 'exchange', pattern: '#' }],
    );
  });

  it('refuses a name that collides with one of its own', () => {
    for (const name of ['', 'unrouted', 'order.dlq', 'order.shards', 'order.00', 'x'.repeat(201)]) {
      assert.throws(() => topologyOfQueue(name, SHAPE), RangeError, name);
    }
  });
});
