import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isPlatformError } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { collect, useTestBench } from '../../../test/rabbitmq/bench.ts';
import { skipWithoutRabbitmq } from '../../testing/rabbitmq.ts';

function isUnavailable(error: unknown): boolean {
  return isPlatformError(error) && error.code === 'MESSAGING_UNAVAILABLE' && error.retryable;
}

describe('publishing to RabbitMQ', { skip: skipWithoutRabbitmq() }, () => {
  const createTestBench = useTestBench();

  it('refuses a command nobody subscribes to, and what comes behind it', async (t) => {
    const bench = await createTestBench(t);
    const transport = bench.transport();
    await transport.subscribe(bench.queue, [bench.type]);
    const batch = [
      bench.outgoing('a', '1'),
      bench.outgoing('a', '2', { type: 'work.start.v1', mandatory: true }),
      bench.outgoing('a', '3'),
      bench.outgoing('b', '4'),
      bench.outgoing('b', '5', { mandatory: true }),
      bench.outgoing('b', '6'),
    ];
    const refusals = await transport.publish(batch);
    assert.deepEqual(refusals, [
      { id: batch[1]?.id, reason: 'nobody subscribes to work.start.v1' },
      { id: batch[2]?.id, reason: 'an earlier message of its key was refused' },
    ]);
    const { bodies, receiver } = collect(transport, bench.queue);
    await eventually('the others', () => bodies().length === 4);
    await receiver.close();
    assert.deepEqual(bodies().toSorted(), ['1', '4', '5', '6']);
    assert.equal(bench.measured('messaging_rabbitmq_returned_total'), 1);
  });

  it('keeps an event nobody subscribes to where it can be seen', async (t) => {
    const bench = await createTestBench(t);
    const transport = bench.transport();
    assert.deepEqual(await transport.publish([bench.outgoing('a', 'lost?')]), []);
    assert.deepEqual(await bench.unrouted(), ['lost?']);
  });

  it('writes CloudEvents with the properties other clients look at', async (t) => {
    const bench = await createTestBench(t);
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const data = { traceparent: traceparent.replaceAll('8', '9') };
    const event = { specversion: '1.0', id: 'x', type: 'x.y.v1', source: 'test', traceparent, data };
    const message = bench.outgoing('a', JSON.stringify(event));
    await bench.transport().publish([message]);
    const channel = await bench.channel();
    const got = await eventually('it is there', () => channel.get('unrouted', { noAck: true }));
    assert.ok(got);
    const { contentType, deliveryMode, messageId, headers } = got.properties;
    assert.deepEqual(
      [contentType, deliveryMode, messageId, headers?.['traceparent']],
      ['application/cloudevents+json', 2, message.id, traceparent],
    );
  });

  it('goes on after its exchange was deleted, and loses nothing in flight', async (t) => {
    const bench = await createTestBench(t);
    const transport = bench.transport();
    for (const type of [bench.type, 'other.done.v1'])
      await transport.publish([bench.outgoing('a', '0', { type })]);
    await transport.subscribe(bench.queue, ['other.done.v1']);
    await (await bench.channel()).deleteExchange(bench.type);
    const batch = [bench.outgoing('a', '1', { type: 'other.done.v1' }), bench.outgoing('b', '2')];
    await assert.rejects(transport.publish(batch), isUnavailable);
    assert.deepEqual(await transport.publish(batch), []);
    const { bodies, receiver } = collect(transport, bench.queue);
    await eventually('the other type', () => bodies().includes('1'));
    await receiver.close();
  });

  it('rejects retryably when the broker cannot store a message', async (t) => {
    const bench = await createTestBench(t);
    const transport = bench.transport();
    await transport.publish([bench.outgoing('a', '0')]);
    const channel = await bench.channel();
    const full = { 'x-queue-type': 'quorum', 'x-max-length': 1, 'x-overflow': 'reject-publish' };
    await channel.assertQueue('full', { durable: true, arguments: full });
    await channel.bindQueue('full', bench.type, '#');
    await assert.rejects(async () => {
      for (let n = 0; n < 20; n += 1) await transport.publish([bench.outgoing('a', String(n))]);
    }, isUnavailable);
    assert.equal(bench.measured('messaging_rabbitmq_nacked_total'), 1);
    await channel.deleteQueue('full');
    assert.deepEqual(
      await transport.publish([bench.outgoing('a', 'again')]),
      [],
      'the channel is still good',
    );
  });

  it('stores nothing of a key behind what the broker could not store, so that a repeat keeps its order', async (t) => {
    const bench = await createTestBench(t);
    const transport = bench.transport();
    const type = `${bench.queue}.full.v1`;
    await transport.subscribe(bench.queue, [bench.type]);
    await transport.publish([bench.outgoing('x', '0', { type })]);
    const channel = await bench.channel();
    const full = { 'x-queue-type': 'quorum', 'x-max-length': 1, 'x-overflow': 'reject-publish' };
    await channel.assertQueue(type, { durable: true, arguments: full });
    await channel.bindQueue(type, type, '#');
    await assert.rejects(async () => {
      for (let n = 0; n < 20; n += 1) await transport.publish([bench.outgoing('x', String(n), { type })]);
    }, isUnavailable);
    const batch = [
      bench.outgoing('a', 'a1'),
      bench.outgoing('a', 'a2', { type }),
      bench.outgoing('a', 'a3'),
      bench.outgoing('b', 'b1'),
    ];
    await assert.rejects(transport.publish(batch), isUnavailable);
    const { bodies, receiver } = collect(transport, bench.queue);
    await channel.deleteQueue(type);
    assert.deepEqual(await transport.publish(batch), []);
    await eventually('all of both attempts', () => bodies().length >= 5);
    await receiver.close();
    assert.deepEqual(
      bodies().filter((body) => body.startsWith('a')),
      ['a1', 'a1', 'a3'],
    );
  });

  it('refuses a type whose exchange is not as declared, and no other', async (t) => {
    const bench = await createTestBench(t);
    const channel = await bench.channel();
    await channel.assertExchange(bench.type, 'fanout', { durable: true });
    const bad = bench.outgoing('a', '1');
    const refusals = await bench
      .transport()
      .publish([bad, bench.outgoing('b', '2', { type: 'other.done.v1' })]);
    assert.equal(refusals.length, 1);
    assert.equal(refusals[0]?.id, bad.id);
    assert.match(refusals[0]?.reason ?? '', /^exchange case-.\.step\.v1: type is fanout, declared topic/);
  });

  it('refuses a type that no exchange can be named after', async (t) => {
    const bench = await createTestBench(t);
    const batch = [bench.outgoing('a', '', { type: '' }), bench.outgoing('b', '', { type: 'x'.repeat(256) })];
    const refusals = await bench.transport().publish([...batch, bench.outgoing('c', '')]);
    assert.deepEqual(
      refusals.map(({ id }) => id),
      batch.map(({ id }) => id),
    );
  });

  it('rejects within its wait while the broker is away, holds nothing, and goes on afterwards', async (t) => {
    const bench = await createTestBench(t);
    const transport = bench.transport({ url: bench.proxy.url, waitMs: 300 });
    await transport.publish([bench.outgoing('a', '0')]);
    await bench.proxy.refuse();
    await assert.rejects(transport.publish([bench.outgoing('a', 'not sent')]), isUnavailable);
    await assert.rejects(transport.ping(), isUnavailable);
    bench.proxy.accept();
    await eventually(
      'published again',
      async () => (await transport.publish([bench.outgoing('a', '1')])).length === 0,
    );
    await transport.ping();
    // On a busy machine a confirm may come after the wait, and it is published once more.
    assert.deepEqual([...new Set(await bench.unrouted())], ['0', '1']);
  });

  it('rejects what is in flight when the connection breaks', async (t) => {
    const bench = await createTestBench(t);
    const transport = bench.transport({ url: bench.proxy.url });
    await transport.publish([bench.outgoing('a', '0')]);
    bench.proxy.stall();
    const call = transport.publish([bench.outgoing('a', '1')]);
    const rejected = assert.rejects(call, isUnavailable);
    setTimeout(() => bench.proxy.flow(), 50);
    await rejected;
    await eventually(
      'published again',
      async () => (await transport.publish([bench.outgoing('a', '1')])).length === 0,
    );
  });

  it('does not wait for ever for a network that swallows everything', async (t) => {
    const bench = await createTestBench(t);
    const transport = bench.transport({ url: bench.proxy.url, waitMs: 300, heartbeatSeconds: 1 });
    await transport.publish([bench.outgoing('a', '0')]);
    bench.proxy.stall();
    await assert.rejects(transport.publish([bench.outgoing('a', '1')]), isUnavailable);
    await eventually(
      'the heartbeat noticed',
      () => bench.measured('messaging_rabbitmq_open{connection="publish"}') === 0,
    );
    bench.proxy.flow();
    await eventually(
      'published again',
      async () => (await transport.publish([bench.outgoing('a', '1')])).length === 0,
    );
  });
});
