import { after, before, type TestContext } from 'node:test';
import { createMetrics, type Metrics, silentLogger } from '@flotilla/telemetry';
import { type Channel, type ChannelModel, connect } from 'amqplib';
import {
  createRabbitmqTransport,
  type RabbitmqTransportOptions,
} from '../../src/rabbitmq/rabbitmq-transport.ts';
import { createTestVhost, type TestVhost } from '../../src/testing/rabbitmq.ts';
import type { Delivery, OutgoingMessage, Settlement, Transport } from '../../src/transport.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** A network that can be broken, transports on either side of it, and names that no other test uses. */
export interface TestBench {
  /** A queue and a message type of this test alone. */
  readonly queue: string;
  readonly type: string;
  readonly proxy: TcpProxy;
  readonly metrics: Metrics;
  transport(options?: Partial<RabbitmqTransportOptions>): Transport;
  /** A channel without any of our code, as a foreign producer or an operator would have. */
  channel(): Promise<Channel>;
  /** How often a metric's line with this text counted. */
  measured(line: string): number;
  outgoing(key: string, body: string, given?: Partial<OutgoingMessage>): OutgoingMessage;
  /** The bodies of this test's type that found no subscriber, in order. */
  unrouted(): Promise<string[]>;
}

/** One virtual host for the tests of a `describe`; call it first in there. Makes a bench for each test. */
export function useTestBench(): (test: TestContext) => Promise<TestBench> {
  let vhost: TestVhost | undefined;
  let made = 0;
  before(async () => {
    vhost = await createTestVhost();
  });
  after(() => vhost?.close());
  return async (test) => {
    made += 1;
    return await createTestBench(test, vhost?.url ?? '', `case-${'abcdefghijklmnopqrstuvwxyz'.charAt(made)}`);
  };
}

async function createTestBench(test: TestContext, url: string, name: string): Promise<TestBench> {
  const proxy = await startTcpProxy(url);
  const metrics = createMetrics();
  const transports: Transport[] = [];
  const connections: ChannelModel[] = [];
  test.after(async () => {
    await Promise.all(transports.map((transport) => transport.close()));
    await proxy.close();
    for (const connection of connections) await connection.close().catch(() => undefined);
  });
  async function channel(): Promise<Channel> {
    const connection = await connect(url);
    connection.on('error', () => undefined);
    connections.push(connection);
    const opened = await connection.createChannel();
    opened.on('error', () => undefined);
    return opened;
  }

  return {
    queue: name,
    type: `${name}.step.v1`,
    proxy,
    metrics,
    transport: (options) => {
      const base = { url, logger: silentLogger, metrics, waitMs: 5_000 };
      const transport = createRabbitmqTransport({ ...base, ...options });
      transports.push(transport);
      return transport;
    },
    channel,
    outgoing: (key, body, given) => ({
      id: crypto.randomUUID(),
      type: `${name}.step.v1`,
      key,
      body,
      mandatory: false,
      ...given,
    }),
    unrouted: async () => {
      const bodies: string[] = [];
      const on = await channel();
      for (;;) {
        const got = await on.get('unrouted', { noAck: true });
        if (!got) return bodies;
        if (got.properties.type === `${name}.step.v1`) bodies.push(got.content.toString());
      }
    },
    measured: (line) => {
      const found = metrics
        .render()
        .split('\n')
        .find((each) => each.startsWith(`${line} `));
      return Number(found?.split(' ').at(-1) ?? Number.NaN);
    },
  };
}

/** Receives a queue into a list; everything is done at once. */
export function collect(transport: Transport, queue: string) {
  const deliveries: Delivery[] = [];
  const receiver = transport.receive(queue, {
    handle: async (batch) => {
      deliveries.push(...batch);
      return batch.map((): Settlement => 'done');
    },
    concurrency: 2,
    maxBatch: 8,
  });
  return { deliveries, receiver, bodies: () => deliveries.map(({ body }) => body) };
}
