import { after, before, type TestContext } from 'node:test';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { connect } from 'amqplib';
import {
  createRabbitmqTransport,
  type RabbitmqTransportOptions,
} from '../../src/rabbitmq/rabbitmq-transport.ts';
import { deadLetterQueue, shardQueue } from '../../src/rabbitmq/topology/topology.ts';
import { createTestVhost, type TestVhost } from '../../src/testing/rabbitmq.ts';
import type { Transport } from '../../src/transport.ts';
import { createTestSystem, type TestSystem } from '../system.ts';

export interface RabbitmqTestSystem extends TestSystem {
  readonly vhost: TestVhost;
  /** A transport with options of its own, such as the URL of a proxy. */
  rabbitmq(options?: Partial<RabbitmqTransportOptions>): Transport;
}

/**
 * Call it first in a `describe`: its tests share a virtual host. Makes the test system of the other tests with RabbitMQ
 * in place of the database `bus`; it is closed when the test ends.
 */
export function useRabbitmqTestSystem(): (test: TestContext) => Promise<RabbitmqTestSystem> {
  let vhost: TestVhost | undefined;
  before(async () => {
    vhost = await createTestVhost();
  });
  after(() => vhost?.close());
  return async (test) => {
    if (vhost === undefined) throw new TypeError('the virtual host is made before the tests');
    return await createRabbitmqTestSystem(test, vhost);
  };
}

async function createRabbitmqTestSystem(test: TestContext, vhost: TestVhost): Promise<RabbitmqTestSystem> {
  const system = await createTestSystem();
  const transports: Transport[] = [];
  const close = async () => {
    await system.close();
    await Promise.all(transports.map((transport) => transport.close()));
    await deleteQueues(vhost.url);
  };
  test.after(close);
  const rabbitmq = (options: Partial<RabbitmqTransportOptions> = {}) => {
    const base = { url: vhost.url, logger: silentLogger, metrics: createMetrics() };
    const transport = createRabbitmqTransport({ ...base, ...options });
    transports.push(transport);
    return transport;
  };
  return { ...system, bus: { ...system.bus, uri: vhost.url }, vhost, rabbitmq, transport: () => rabbitmq() };
}

/** What a killed process left behind must not reach the next test. */
async function deleteQueues(url: string): Promise<void> {
  const connection = await connect(url);
  const channel = await connection.createChannel();
  for (const shard of [0, 1, 2, 3]) await channel.deleteQueue(shardQueue('test', shard));
  await channel.deleteQueue(deadLetterQueue('test'));
  await connection.close();
}
