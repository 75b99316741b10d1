import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { type TestBench, useTestBench } from '../../../test/rabbitmq/bench.ts';
import { shardOf } from '../../bus/shard.ts';
import { skipWithoutRabbitmq } from '../../testing/rabbitmq.ts';
import type { Delivery, Settlement } from '../../transport.ts';

const SHARDS = 4;
const shardOfQueue = (key: string) => shardOf(key) % SHARDS;
/** Keys of every shard. */
const KEYS = Array.from({ length: 20 }, (_, n) => `k${n}`);
const keyOf = (shard: number) => KEYS.find((key) => shardOfQueue(key) === shard) ?? '';

/** Receives like a process of its own. Records what it handles; `before` may hold a message up. */
function startProcess(bench: TestBench, before: (delivery: Delivery) => Promise<unknown> = async () => 0) {
  const seen: Delivery[] = [];
  const transport = bench.transport({ balanceIntervalMs: 100 });
  const receiver = transport.receive(bench.queue, {
    handle: async (deliveries) => {
      for (const delivery of deliveries) await before(delivery);
      seen.push(...deliveries);
      return deliveries.map((): Settlement => 'done');
    },
    concurrency: 4,
    maxBatch: 4,
  });
  const shards = (from = 0) => new Set(seen.slice(from).map(({ key }) => shardOfQueue(key)));
  return { seen, shards, receiver };
}

describe('the shards of a consumer on RabbitMQ', { skip: skipWithoutRabbitmq() }, () => {
  const createTestBench = useTestBench();

  it('are shared by its processes while messages flow, and each key stays in order and with one of them', async (t) => {
    const bench = await createTestBench(t);
    const publisher = bench.transport();
    await publisher.subscribe(bench.queue, [bench.type]);
    const log: Delivery[] = [];
    const busy = new Set<string>();
    let overlaps = 0;
    const work = async (delivery: Delivery) => {
      if (busy.has(delivery.key)) overlaps += 1;
      busy.add(delivery.key);
      await new Promise((resolve) => setTimeout(resolve, 1));
      busy.delete(delivery.key);
      log.push(delivery);
    };
    let n = 0;
    /** Many at once, so that some always wait with the process that leaves their shard. */
    const publishMany = async () => {
      const bodies = Array.from({ length: 20 }, () => String(n++));
      await publisher.publish(bodies.flatMap((body) => KEYS.map((key) => bench.outgoing(key, body))));
    };
    const first = startProcess(bench, work);
    await eventually('the first has all', async () => {
      await publishMany();
      return first.shards().size === SHARDS;
    });
    const second = startProcess(bench, work);
    await eventually('each has two', async () => {
      const [before, beforeOther] = [first.seen.length, second.seen.length];
      await publishMany();
      await eventually('they are handled', () => new Set(log.map(({ body }) => body)).has(String(n - 1)));
      return first.shards(before).size === 2 && second.shards(beforeOther).size === 2;
    });
    await second.receiver.close();
    const before = first.seen.length;
    await publishMany();
    await eventually('the first has all again', () => first.shards(before).size === SHARDS);
    await eventually(
      'every message',
      () => new Set(log.map(({ key, body }) => `${key} ${body}`)).size >= n * KEYS.length,
    );
    await first.receiver.close();
    for (const key of KEYS) {
      // At least once: what counts is when each was seen first.
      const firsts = [...new Set(log.filter((one) => one.key === key).map(({ body }) => Number(body)))];
      assert.deepEqual(
        firsts,
        Array.from({ length: n }, (_, index) => index),
        key,
      );
    }
    assert.equal(overlaps, 0);
  });

  it('move when what runs has ended, so that it is not handled twice', async (t) => {
    const bench = await createTestBench(t);
    const publisher = bench.transport();
    await publisher.subscribe(bench.queue, [bench.type]);
    const slow = Promise.withResolvers<void>();
    const last = keyOf(SHARDS - 1);
    const first = startProcess(bench, async ({ body }) => (body === 'slow' ? await slow.promise : undefined));
    await publisher.publish([
      ...[0, 1, 2].map((shard) => bench.outgoing(keyOf(shard), 'first')),
      ...['slow', 'behind'].map((body) => bench.outgoing(last, body)),
    ]);
    await eventually('it has all but the slow one', () => first.seen.length === 3);
    const second = startProcess(bench);
    await eventually('another shard has moved', async () => {
      await publisher.publish([bench.outgoing(keyOf(SHARDS - 2), 'next')]);
      return second.seen.length > 0;
    });
    assert.ok(!second.shards().has(SHARDS - 1), 'the shard of the slow one has not');
    slow.resolve();
    await eventually('it has moved as well', () => second.shards().has(SHARDS - 1));
    await Promise.all([first.receiver.close(), second.receiver.close()]);
    const bodies = [first, second].map(({ seen }) =>
      seen.filter(({ key }) => key === last).map(({ body }) => body),
    );
    assert.deepEqual(bodies, [['slow'], ['behind']]);
  });
});
