import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { createMetrics, type Logger, silentLogger } from '@flotilla/telemetry';
import { connect } from 'amqplib';
import { on } from '../../src/inbox/handler.ts';
import { onOneConnection } from '../../src/rabbitmq/connection/one-connection.ts';
import { onOwnChannel } from '../../src/rabbitmq/topology/declare.ts';
import { evalOnBroker, skipWithoutRabbitmq } from '../../src/testing/rabbitmq.ts';
import { createTestMessage } from '../../src/testing/test-message.ts';
import { counted, effects } from '../system.ts';
import { useRabbitmqTestSystem } from './system.ts';
import { startTcpProxy } from './tcp-proxy.ts';

const WAIT_MS = 60_000;

describe('a RabbitMQ that is away', { skip: skipWithoutRabbitmq() }, () => {
  const createSystem = useRabbitmqTestSystem();

  it('delays messages, fails no publisher, and gets the backlog in order afterwards', async (t) => {
    const system = await createSystem(t);
    const proxy = await startTcpProxy(system.vhost.url);
    t.after(() => proxy.close());
    const transport = system.rabbitmq({ url: proxy.url });
    const handled: number[] = [];
    const handler = on(counted, async ({ data }) => {
      handled.push(data.n);
    });
    await system.consumer(transport, [handler]);
    const relay = system.relay(transport);
    let n = 0;
    const publishSome = async () => {
      for (const end = n + 20; n < end; n += 1) await system.publish('k', n);
      relay.nudge();
    };
    await publishSome();
    for (let outages = 0; outages < 3; outages += 1) {
      await proxy.refuse();
      await publishSome();
      proxy.accept();
      await publishSome();
      if (outages === 1) proxy.cut();
      const published = n;
      await eventually('the backlog', () => handled.length === published, WAIT_MS);
    }
    assert.deepEqual(
      handled,
      Array.from({ length: n }, (_, index) => index),
    );
  });

  it('breaks while a channel or a connection is being closed, and holds nobody up', async (t) => {
    const system = await createSystem(t);
    const proxy = await startTcpProxy(system.vhost.url);
    t.after(() => proxy.close());
    const breakWhileClosing = async () => {
      proxy.stall();
      setTimeout(proxy.flow, 50);
    };
    const within = AbortSignal.timeout(WAIT_MS);
    const late = once(within, 'abort').then(() => assert.fail('it is still being closed'));
    const onConnection = onOneConnection(proxy.url, () => breakWhileClosing());
    await Promise.race([onConnection, late]);
    const model = await connect(proxy.url);
    model.on('error', () => undefined);
    await Promise.race([onOwnChannel(model, breakWhileClosing), late]);
  });

  it('that takes no messages because of an alarm pauses publishing, and nothing is lost', async (t) => {
    const system = await createSystem(t);
    const metrics = createMetrics();
    const isBlocked = () => metrics.render().includes('messaging_rabbitmq_blocked{connection="publish"} 1');
    const transport = system.rabbitmq({ metrics, waitMs: 3_000 });
    const handled: number[] = [];
    const handler = on(counted, async ({ data }) => {
      handled.push(data.n);
    });
    await system.consumer(transport, [handler]);
    const relay = system.relay(transport);
    await system.publish('k', 0);
    relay.nudge();
    await eventually('the first', () => handled.length === 1, WAIT_MS);
    // What an alarm does to every connection of a broker, done to those of this test only.
    const alarm = (is: boolean) =>
      evalOnBroker(
        `[Pid ! {conserve_resources, memory, ${is}} || [{pid, Pid}, {vhost, V}] <- rabbit_networking:connection_info_all([pid, vhost]), V =:= <<"${system.vhost.name}">>].`,
      );
    await alarm(true);
    for (let n = 1; n < 20; n += 1) await system.publish('k', n);
    relay.nudge();
    await eventually('it is blocked', isBlocked, WAIT_MS);
    await assert.rejects(
      transport.publish([createTestMessage(counted, { key: 'other', n: 99 })]),
      /takes no messages/,
    );
    assert.deepEqual(handled, [0]);
    await alarm(false);
    await eventually('all', () => handled.length === 20, WAIT_MS);
    assert.equal(isBlocked(), false);
    assert.deepEqual(
      handled,
      Array.from({ length: 20 }, (_, index) => index),
    );
  });

  it('that takes a message back while its handler runs does not make a second effect', async (t) => {
    const system = await createSystem(t);
    const isLost = Promise.withResolvers<void>();
    const warn = (_fields: object, text: string) => {
      if (text.startsWith('the channel to the queue is lost')) isLost.resolve();
    };
    const logger: Logger = { ...silentLogger, warn, child: () => logger };
    const isRunning = Promise.withResolvers<void>();
    const handler = on(counted, async ({ data }, tx) => {
      await tx.query("INSERT INTO effect (key, n) VALUES ('k', $1)", [data.n]);
      isRunning.resolve();
      if (data.n === 1) await isLost.promise;
    });
    // Read by a channel when it opens, and checked once a minute, or when it is told to.
    const timeout = (ms: number) => evalOnBroker(`application:set_env(rabbit, consumer_timeout, ${ms}).`);
    const transport = system.rabbitmq({ logger });
    await transport.subscribe('test', [counted.type]);
    await timeout(100);
    try {
      await system.consumer(transport, [handler]);
    } finally {
      await timeout(1_800_000);
    }
    const relay = system.relay(transport);
    await system.publish('k', 1);
    await isRunning.promise;
    await system.publish('k', 2);
    relay.nudge();
    await system.consumer(system.transport(), [handler]);
    await evalOnBroker(
      `[Pid ! tick || [{pid, Pid}, {vhost, V}] <- rabbit_channel:info_all([pid, vhost]), V =:= <<"${system.vhost.name}">>].`,
    );
    await eventually(
      'the one behind it',
      async () => (await effects(system)).some(({ n }) => n === 2),
      WAIT_MS,
    );
    assert.deepEqual(
      (await effects(system)).map(({ n }) => n),
      [1, 2],
    );
  });
});
