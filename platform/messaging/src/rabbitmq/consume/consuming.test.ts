import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Clock, isPlatformError, systemClock } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { silentLogger } from '@flotilla/telemetry';
import { collect, useTestBench } from '../../../test/rabbitmq/bench.ts';
import { evalOnBroker, skipWithoutRabbitmq } from '../../testing/rabbitmq.ts';
import type { Delivery, Settlement } from '../../transport.ts';
import { NO_DELIVERY_LIMIT, topologyOfQueue } from '../topology/topology.ts';

const allDone = (deliveries: readonly Delivery[]) => deliveries.map((): Settlement => 'done');

/** The minute between two looks at the topology is over at once. */
const hasty: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms === 60_000 ? 50 : ms, signal),
};

/** The pause between two looks at who is heard is over soon. */
const attentive: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms === 20_000 ? 500 : ms, signal),
};

/** What is done once a minute is not done again in this test. */
const unhurried: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms === 60_000 ? 86_400_000 : ms, signal),
};

/** As the transport declares them: in these tests it may do so between two steps of an operator. */
const SHAPE = { shards: 4, deliveryLimit: NO_DELIVERY_LIMIT };

/** Ends or begins again what replicates each shard's queue; its name and its messages stay. */
async function workOfShards(queue: string, call: 'stop_server' | 'restart_server'): Promise<void> {
  const own = `binary:match(element(4, amqqueue:get_name(Q)), <<"${queue}.0">>) =/= nomatch`;
  await evalOnBroker(
    `[ok = ra:${call}(quorum_queues, amqqueue:get_pid(Q)) || Q <- rabbit_amqqueue:list(), ${own}].`,
  );
}

describe('consuming from RabbitMQ', { skip: skipWithoutRabbitmq() }, () => {
  const createTestBench = useTestBench();

  it('gets what was not acknowledged again after the connection broke, in order and not as suspects', async (t) => {
    const bench = await createTestBench(t);
    await bench.transport().subscribe(bench.queue, [bench.type]);
    const transport = bench.transport({ url: bench.proxy.url });
    const seen: Delivery[] = [];
    let cut = false;
    // The subscription above opened one, too.
    const OPENED = 'messaging_rabbitmq_opened_total';
    const receiver = transport.receive(bench.queue, {
      handle: async (deliveries) => {
        seen.push(...deliveries);
        if (!cut) {
          cut = true;
          bench.proxy.cut();
          await eventually('a new connection', () => bench.measured(`${OPENED}{connection="consume"}`) >= 3);
        }
        return allDone(deliveries);
      },
      concurrency: 2,
      maxBatch: 1,
    });
    await bench.transport().publish(['1', '2', '3'].map((body) => bench.outgoing('a', body)));
    await eventually('all three', () => seen.some(({ body }) => body === '3'));
    await receiver.close();
    const firsts = [...new Set(seen.map(({ body }) => body))];
    assert.deepEqual(firsts, ['1', '2', '3']);
    assert.ok(seen.length > 3, 'something came twice');
    assert.deepEqual(
      seen.filter(({ suspect }) => suspect),
      [],
    );
  });

  it('hands over to the next process in order when it closes with work left', async (t) => {
    const bench = await createTestBench(t);
    const [first, second] = [bench.transport(), bench.transport()];
    await first.subscribe(bench.queue, [bench.type]);
    const seen: string[] = [];
    const handle = async (deliveries: readonly Delivery[]) => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      seen.push(...deliveries.map(({ body }) => body));
      return allDone(deliveries);
    };
    const options = { handle, concurrency: 1, maxBatch: 2 };
    const closing = first.receive(bench.queue, options);
    await eventually('it is active', async () => {
      await second.publish([bench.outgoing('a', '-1')]);
      return seen.length > 0;
    });
    const waiting = second.receive(bench.queue, options);
    await eventually('idle', () => seen.every((body) => body === '-1'));
    const before = seen.length;
    await second.publish(Array.from({ length: 200 }, (_, n) => bench.outgoing('a', String(n))));
    await eventually('some', () => seen.length > before + 5);
    await closing.close();
    await eventually('all', () => seen.filter((body) => body !== '-1').length >= 200);
    await waiting.close();
    const order = seen.filter((body) => body !== '-1').map(Number);
    assert.deepEqual(
      order,
      Array.from({ length: 200 }, (_, n) => n),
    );
  });

  it('offers what was released again, in order, and not in a hot loop', async (t) => {
    const bench = await createTestBench(t);
    const transport = bench.transport();
    await transport.subscribe(bench.queue, [bench.type]);
    const done: string[] = [];
    let calls = 0;
    const receiver = transport.receive(bench.queue, {
      handle: async (deliveries) => {
        calls += 1;
        if (calls <= 3) return deliveries.map((): Settlement => 'release');
        done.push(...deliveries.map(({ body }) => body));
        return allDone(deliveries);
      },
      concurrency: 1,
      maxBatch: 2,
    });
    const started = performance.now();
    await transport.publish(['1', '2', '3'].map((body) => bench.outgoing('a', body)));
    await eventually('all', () => done.length === 3);
    await receiver.close();
    assert.deepEqual(done, ['1', '2', '3']);
    assert.ok(performance.now() - started > 250, 'it rested between');
  });

  it('delivers what the broker gave up as given up, with the reason', async (t) => {
    const bench = await createTestBench(t);
    const transport = bench.transport({ deliveryLimit: 1 });
    await transport.subscribe(bench.queue, [bench.type]);
    await transport.publish([bench.outgoing('a', 'unlucky')]);
    for (let n = 0; n < 2; n += 1) {
      const channel = await bench.channel();
      let taken = false;
      for (const shard of ['00', '01', '02', '03']) {
        await channel.consume(`${bench.queue}.${shard}`, () => {
          taken = true;
        });
      }
      await eventually('taken', () => taken);
      await channel.close();
    }
    const { deliveries, receiver } = collect(transport, bench.queue);
    await eventually('the dead letter', () => deliveries.length === 1);
    await receiver.close();
    const [letter] = deliveries;
    assert.equal(letter?.body, 'unlucky');
    assert.equal(letter?.key, 'a');
    assert.equal(letter?.givenUp, 'the broker gave it up: it reached the delivery limit of its queue');
    assert.equal(letter?.suspect, false);
  });

  it('gives nothing up that comes back however often, but as a suspect', async (t) => {
    const bench = await createTestBench(t);
    const transport = bench.transport();
    await transport.subscribe(bench.queue, [bench.type]);
    await transport.publish(['1', '2'].map((body) => bench.outgoing('a', body)));
    // As a process does that takes them and ends, in a loop.
    const channel = await bench.channel();
    let taken = 0;
    for (const shard of ['00', '01', '02', '03']) {
      await channel.consume(`${bench.queue}.${shard}`, () => {
        taken += 1;
      });
    }
    for (let ends = 0; ends < 60; ends += 1) {
      await eventually('taken', () => taken === 2);
      taken = 0;
      channel.nackAll(true);
    }
    await channel.close();
    const { deliveries, receiver } = collect(transport, bench.queue);
    await eventually('both', () => deliveries.length === 2);
    await receiver.close();
    assert.deepEqual(
      deliveries.map(({ body, suspect, givenUp }) => [body, suspect, givenUp]),
      [
        ['1', true, undefined],
        ['2', true, undefined],
      ],
    );
  });

  it('goes on with a queue that was declared with a delivery limit, and says so', async (t) => {
    const bench = await createTestBench(t);
    await bench.transport({ deliveryLimit: 50 }).subscribe(bench.queue, [bench.type]);
    // Not all of its shards: one was deleted.
    const channel = await bench.channel();
    await channel.deleteQueue(`${bench.queue}.01`);
    const warnings: object[] = [];
    const logger = { ...silentLogger, warn: (fields: object) => warnings.push(fields), child: () => logger };
    const transport = bench.transport({ logger });
    await transport.subscribe(bench.queue, [bench.type]);
    await transport.subscribe(bench.queue, [bench.type]);
    const { bodies, receiver } = collect(transport, bench.queue);
    await transport.publish([bench.outgoing('a', '1')]);
    await eventually('delivered', () => bodies().length === 1);
    await receiver.close();
    assert.deepEqual(
      warnings,
      ['00', '02', '03'].map((shard) => ({ queue: `${bench.queue}.${shard}`, deliveryLimit: 50 })),
    );
  });

  it('delivers what another process held when it vanished as a suspect', async (t) => {
    const bench = await createTestBench(t);
    const transport = bench.transport();
    await transport.subscribe(bench.queue, [bench.type]);
    const channel = await bench.channel();
    const held: string[] = [];
    for (const shard of ['00', '01', '02', '03']) {
      await channel.consume(`${bench.queue}.${shard}`, (message) => {
        if (message) held.push(message.content.toString());
      });
    }
    await transport.publish([bench.outgoing('a', 'held')]);
    await eventually('taken', () => held.length === 1);
    await channel.close();
    const { deliveries, receiver } = collect(transport, bench.queue);
    await transport.publish([bench.outgoing('a', 'fresh')]);
    await eventually('both', () => deliveries.length === 2);
    await receiver.close();
    assert.deepEqual(
      deliveries.map(({ body, suspect }) => [body, suspect]),
      [
        ['held', true],
        ['fresh', false],
      ],
    );
  });

  it('delivers a message of a foreign producer as it is', async (t) => {
    const bench = await createTestBench(t);
    const transport = bench.transport();
    await transport.subscribe(bench.queue, [bench.type]);
    const channel = await bench.channel();
    channel.publish(bench.type, 'event.00', Buffer.from('not JSON'));
    const event = { specversion: '1.0', id: '1', type: 't', source: 's', partitionkey: 'theirs' };
    channel.publish(bench.type, 'event.01', Buffer.from(JSON.stringify(event)), { type: 'x.y.v1' });
    channel.publish(bench.type, 'event.02', Buffer.from([0xff, 0x00]), { headers: { 'flotilla-key': 7 } });
    const { deliveries, receiver } = collect(transport, bench.queue);
    await eventually('all', () => deliveries.length === 3);
    await receiver.close();
    const found = deliveries.map(({ type, key, body }) => [type, key, body]).toSorted();
    assert.deepEqual(found, [
      [bench.type, '', 'not JSON'],
      [bench.type, '', '\ufffd\u0000'],
      ['x.y.v1', 'theirs', JSON.stringify(event)],
    ]);
  });

  it('tells of a queue with other arguments, and other queues go on', async (t) => {
    const bench = await createTestBench(t);
    const other = `${bench.queue}-other`;
    await bench.transport().subscribe(bench.queue, [bench.type]);
    for (const [options, argument] of [
      [{ deliveryLimit: 20 }, /x-delivery-limit is 1000000, declared 20/],
      [{ shardsPerQueue: 8 }, /x-dead-letter-routing-key is shard 0 of 4, declared shard 0 of 8/],
    ] as const) {
      const drifted = bench.transport(options);
      await assert.rejects(drifted.subscribe(bench.queue, [bench.type]), (error: unknown) => {
        assert.ok(isPlatformError(error));
        assert.equal(error.code, 'MESSAGING_TOPOLOGY_DRIFT');
        assert.match(error.message, new RegExp(`^queue ${bench.queue}.00: `));
        assert.match(error.message, argument);
        return true;
      });
    }
    const drifted = bench.transport({ deliveryLimit: 20 });
    await drifted.subscribe(other, [bench.type]);
    const bad = collect(drifted, bench.queue);
    const good = collect(drifted, other);
    await drifted.publish([bench.outgoing('a', '1')]);
    await eventually('the other queue gets it', () => good.bodies().length === 1);
    assert.deepEqual(bad.bodies(), []);
    await Promise.all([bad.receiver.close(), good.receiver.close()]);
  });

  it('declares a deleted queue again and goes on', async (t) => {
    const bench = await createTestBench(t);
    const transport = bench.transport();
    await transport.subscribe(bench.queue, [bench.type]);
    const { bodies, receiver } = collect(transport, bench.queue);
    await eventually('it consumes', async () => {
      await transport.publish([bench.outgoing('a', '0')]);
      return bodies().length > 0;
    });
    const channel = await bench.channel();
    for (const shard of ['00', '01', '02', '03']) await channel.deleteQueue(`${bench.queue}.${shard}`);
    await eventually('it goes on', async () => {
      await transport.publish([bench.outgoing('a', '1')]);
      return bodies().includes('1');
    });
    await receiver.close();
  });

  it('is heard again after a queue was deleted and declared again in one go, and nothing confirmed is lost', async (t) => {
    const bench = await createTestBench(t);
    const transport = bench.transport({ clock: attentive });
    await transport.subscribe(bench.queue, [bench.type]);
    const { deliveries, bodies, receiver } = collect(transport, bench.queue);
    const operator = await bench.channel();
    const { queues } = topologyOfQueue(bench.queue, SHAPE);
    let n = 0;
    const publish = async () => {
      await transport.publish(['a', 'b', 'c', 'd', 'e', 'f'].map((key) => bench.outgoing(key, String(n++))));
    };
    const allArrive = () => eventually('all of them', () => new Set(bodies()).size === n);
    for (let rounds = 0; rounds < 8; rounds += 1) {
      await publish();
      await allArrive();
      for (const { name, arguments: given } of queues.slice(1)) {
        await operator.deleteQueue(name);
        await operator.assertQueue(name, { durable: true, arguments: given });
      }
      await publish();
      await allArrive();
    }
    await receiver.close();
    for (const { givenUp } of deliveries)
      assert.ok(givenUp === undefined || givenUp === 'the queue of its shard was missing when it arrived');
  });

  it('hands out an event that found no queue as given up, and a command is returned', async (t) => {
    const bench = await createTestBench(t);
    const transport = bench.transport();
    await transport.subscribe(bench.queue, [bench.type]);
    const operator = await bench.channel();
    for (const shard of ['00', '01', '02', '03']) await operator.deleteQueue(`${bench.queue}.${shard}`);
    const command = bench.outgoing('b', 'command', { mandatory: true });
    const refusals = await transport.publish([bench.outgoing('a', 'event'), command]);
    assert.deepEqual(
      refusals.map(({ id }) => id),
      [command.id],
    );
    const { deliveries, receiver } = collect(transport, bench.queue);
    await eventually('the event', () => deliveries.length === 1);
    await receiver.close();
    const [{ body, key, givenUp } = {}] = deliveries;
    assert.deepEqual(
      [body, key, givenUp],
      ['event', 'a', 'the queue of its shard was missing when it arrived'],
    );
    assert.deepEqual(await bench.unrouted(), []);
  });

  it('binds its queues again as soon as something went astray', async (t) => {
    const bench = await createTestBench(t);
    const transport = bench.transport({ clock: unhurried });
    await transport.subscribe(bench.queue, [bench.type]);
    const { deliveries, receiver } = collect(transport, bench.queue);
    await eventually('it consumes', async () => {
      await transport.publish([bench.outgoing('a', '0')]);
      return deliveries.length > 0;
    });
    const operator = await bench.channel();
    for (const { from, to, toKind, pattern } of topologyOfQueue(bench.queue, SHAPE).bindings)
      if (toKind === 'queue' && pattern.startsWith('*')) await operator.unbindQueue(to, from, pattern);
    await eventually('it is bound', async () => {
      await transport.publish([bench.outgoing('a', '1')]);
      return deliveries.some(({ body, givenUp }) => body === '1' && givenUp === undefined);
    });
    await receiver.close();
  });

  it('gets each message once where the bindings of a former release are left', async (t) => {
    const bench = await createTestBench(t);
    const transport = bench.transport();
    await transport.subscribe(bench.queue, [bench.type]);
    const operator = await bench.channel();
    for (const shard of ['00', '01', '02', '03']) {
      await operator.bindQueue(`${bench.queue}.${shard}`, bench.queue, `*.${shard}`);
    }
    const { bodies, receiver } = collect(transport, bench.queue);
    const batch = Array.from({ length: 50 }, (_, n) => bench.outgoing(`k${n}`, String(n)));
    await transport.publish(batch);
    await eventually('all', () => new Set(bodies()).size === 50);
    await receiver.close();
    assert.equal(bodies().length, 50);
  });

  it('shows that the broker does not serve its queues, and goes on by itself when it does again', async (t) => {
    const bench = await createTestBench(t);
    const transport = bench.transport({ clock: attentive, waitMs: 2_000 });
    await transport.subscribe(bench.queue, [bench.type]);
    const { bodies, receiver } = collect(transport, bench.queue);
    const unserved = () => bench.measured(`messaging_rabbitmq_unserved{queue="${bench.queue}"}`);
    await transport.publish([bench.outgoing('a', '0')]);
    await eventually('it is served', () => bodies().length === 1 && unserved() === 0);
    // As after the loss of a node: the queues are there, and what does their work is not.
    await workOfShards(bench.queue, 'stop_server');
    await eventually('it is seen', () => unserved() >= 4);
    await assert.rejects(transport.publish([bench.outgoing('a', '1')]), { code: 'MESSAGING_UNAVAILABLE' });
    await workOfShards(bench.queue, 'restart_server');
    await eventually('it goes on', async () => {
      const refused = await transport.publish([bench.outgoing('a', '2')]).catch(() => undefined);
      return refused?.length === 0 && bodies().includes('2');
    });
    await eventually('it is served again', () => unserved() === 0);
    await receiver.close();
  });

  it('keeps what it cannot deliver at all where it can be seen', async (t) => {
    const bench = await createTestBench(t);
    const transport = bench.transport();
    await transport.subscribe(bench.queue, [bench.type]);
    const operator = await bench.channel();
    for (const name of ['00', '01', '02', '03', 'dlq']) await operator.deleteQueue(`${bench.queue}.${name}`);
    assert.deepEqual(await transport.publish([bench.outgoing('a', 'event')]), []);
    assert.deepEqual(await bench.unrouted(), ['event']);
  });

  it('does not suspect what a publisher says was delivered before', async (t) => {
    const bench = await createTestBench(t);
    const transport = bench.transport();
    await transport.subscribe(bench.queue, [bench.type]);
    const foreign = await bench.channel();
    foreign.publish(bench.type, 'event.00', Buffer.from('copied'), { headers: { 'x-delivery-count': 7 } });
    const { deliveries, receiver } = collect(transport, bench.queue);
    await eventually('it is there', () => deliveries.length === 1);
    await receiver.close();
    assert.equal(deliveries[0]?.suspect, false);
  });

  it('brings back the subscription to an exchange that was deleted', async (t) => {
    const bench = await createTestBench(t);
    const transport = bench.transport({ clock: hasty });
    await transport.subscribe(bench.queue, [bench.type]);
    const { bodies, receiver } = collect(transport, bench.queue);
    await (await bench.channel()).deleteExchange(bench.type);
    await eventually('it is bound again', async () => {
      await bench.transport().publish([bench.outgoing('a', '1')]);
      return bodies().length > 0;
    });
    await receiver.close();
  });

  it('begins once the broker is there, and logs no secret while it is not', async (t) => {
    const bench = await createTestBench(t);
    await bench.transport().subscribe(bench.queue, [bench.type]);
    const lines: string[] = [];
    const write = (fields: object, text: string) => {
      const { err, ...rest } = fields as { err?: Error };
      lines.push(`${text} ${JSON.stringify(rest)} ${err?.stack} ${(err?.cause as Error | undefined)?.stack}`);
    };
    const logger = { debug: write, info: write, warn: write, error: write, child: () => logger };
    const url = new URL(bench.proxy.url);
    url.password = 'hunter2';
    const refused = bench.transport({ url: url.href, logger, waitMs: 300 });
    await assert.rejects(refused.subscribe(bench.queue, [bench.type]), { code: 'MESSAGING_UNAVAILABLE' });
    await eventually('it was refused', () => lines.some((line) => line.includes('ACCESS_REFUSED')));
    assert.ok(!lines.some((line) => line.includes('hunter2')), lines.join('\n'));

    await bench.proxy.refuse();
    const { bodies, receiver } = collect(bench.transport({ url: bench.proxy.url }), bench.queue);
    await bench.transport().publish([bench.outgoing('a', '1')]);
    bench.proxy.accept();
    await eventually('delivered', () => bodies().length === 1);
    await receiver.close();
  });
});
