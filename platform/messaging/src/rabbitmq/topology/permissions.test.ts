import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import {
  createTestUser,
  createTestVhost,
  skipWithoutRabbitmq,
  type TestVhost,
} from '../../testing/rabbitmq.ts';
import type { OutgoingMessage, Transport } from '../../transport.ts';
import { createRabbitmqTransport } from '../rabbitmq-transport.ts';

/** As the README has them, for the service `order`. */
const OF_ORDER = {
  configure: '^(order([.].*)?|unrouted|.*[.]v[0-9]+)$',
  write: '^(order([.].*)?|unrouted)$',
  read: '^(order([.].*)?|unrouted|.*[.]v[0-9]+)$',
};

function message(type: string, key: string): OutgoingMessage {
  return { id: crypto.randomUUID(), type, key, body: '{}', mandatory: false };
}

describe('a user of RabbitMQ with the permissions of one service', { skip: skipWithoutRabbitmq() }, () => {
  let vhost: TestVhost;
  let user: Awaited<ReturnType<typeof createTestUser>>;
  let order: Transport;
  before(async () => {
    vhost = await createTestVhost();
    user = await createTestUser(vhost, OF_ORDER);
    order = createRabbitmqTransport({ url: user.url, logger: silentLogger, metrics: createMetrics() });
  });
  after(async () => {
    await order?.close();
    await vhost?.close();
    await user?.close();
  });

  it('subscribes its own queues to any type and publishes its own types', async () => {
    await order.subscribe('order', ['payment.processed.v1']);
    await order.subscribe('order.reports', ['order.placed.v1']);
    assert.deepEqual(await order.publish([message('order.placed.v1', 'a')]), []);
  });

  it('cannot use the queue of another service', async () => {
    await assert.rejects(order.subscribe('payment', ['order.placed.v1']), { code: 'MESSAGING_FORBIDDEN' });
  });

  it('is refused the types of others, which holds up none of its own', async () => {
    const [foreign, own] = [message('payment.processed.v1', 'a'), message('order.placed.v1', 'b')];
    // The broker says so by closing the channel, so that the first call fails as a whole.
    await assert.rejects(order.publish([foreign, own]), { code: 'MESSAGING_UNAVAILABLE' });
    const refusals = await order.publish([foreign, own]);
    assert.deepEqual(
      refusals.map(({ id }) => id),
      [foreign.id],
    );
    assert.match(refusals[0]?.reason ?? '', /access to exchange 'payment\.processed\.v1' .* refused/);
  });
});
