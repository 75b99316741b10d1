import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { connect } from 'amqplib';
import { useRabbitmqTestSystem } from '../../../test/rabbitmq/system.ts';
import { counted } from '../../../test/system.ts';
import { on } from '../../inbox/handler.ts';
import { skipWithoutRabbitmq } from '../../testing/rabbitmq.ts';

describe('bad input on RabbitMQ', { skip: skipWithoutRabbitmq() }, () => {
  const createSystem = useRabbitmqTestSystem();

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
