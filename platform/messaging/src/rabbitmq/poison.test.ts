import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { connect } from 'amqplib';
import { on } from '../handler.ts';
import { startTestProcess } from '../test-process.ts';
import { counted, effects } from '../test-system.ts';
import { useRabbitmqTestSystem } from './test-system.ts';
import { skipWithoutRabbitmq } from './testing.ts';

describe('what cannot be handled on RabbitMQ', { skip: skipWithoutRabbitmq() }, () => {
  const createSystem = useRabbitmqTestSystem();

  it('is given up after its crashes, and what shared its prefetch is not', async (t) => {
    const system = await createSystem(t);
    const transport = system.transport();
    await transport.subscribe('test', ['test.counted.v1']);
    for (let n = 0; n < 100; n += 1) await system.publish(n === 7 ? 'killer' : `k${n % 5}`, n);
    const relay = system.relay(transport);
    await eventually('all are on the broker', async () => {
      return (await system.service.db.query('SELECT 1 FROM outbox')).length === 0;
    });
    await relay.close();
    // Once together with the others, then alone as often as it may; the next process gives it up.
    for (let deaths = 0; deaths < 4; deaths += 1) {
      const victim = await startTestProcess(t, system, { parts: ['consumer'] });
      assert.equal(await victim.exited, 'SIGKILL');
    }
    const survivor = await startTestProcess(t, system, { parts: ['consumer'] });
    const deadLetters = async () => (await system.deadLetters.list()).letters;
    const letter = await eventually('the dead letter', async () => (await deadLetters())[0], 60_000);
    await eventually('the others', async () => (await effects(system)).length === 99, 60_000);
    await survivor.kill();
    assert.deepEqual([letter.key, letter.crashes], ['killer', 3]);
    assert.equal((await deadLetters()).length, 1);
    for (const key of ['k0', 'k1', 'k2', 'k3', 'k4']) {
      const done = (await effects(system)).filter((effect) => effect.key === key).map(({ n }) => n);
      assert.deepEqual(
        done,
        done.toSorted((a, b) => a - b),
        key,
      );
    }
  });

  it('becomes a dead letter when it is no CloudEvent, and others go on', async (t) => {
    const system = await createSystem(t);
    const transport = system.transport();
    const handled: number[] = [];
    const handler = on(counted, async ({ data }) => {
      handled.push(data.n);
    });
    await system.consumer(transport, [handler]);
    const foreign = await connect(system.vhost.url);
    const channel = await foreign.createConfirmChannel();
    channel.publish('test.counted.v1', 'event.00', Buffer.from('not JSON'));
    channel.publish('test.counted.v1', 'event.00', Buffer.from([0x22, 0x00, 0xff, 0x22]));
    channel.publish('test.counted.v1', 'event.00', Buffer.from('{"specversion":"1.0"}'), { type: 'x' });
    await channel.waitForConfirms();
    await foreign.close();
    await system.publish('k', 1);
    system.relay(transport);
    await eventually('the good one', () => handled.length === 1);
    const letters = await eventually('the bad ones', async () => {
      const found = (await system.deadLetters.list()).letters;
      return found.length === 3 && found;
    });
    for (const { reason } of letters) assert.match(reason, /^malformed: /);
  });
});
