import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import {
  createTestUser,
  createTestVhost,
  evalOnBroker,
  skipWithoutRabbitmq,
  type TestVhost,
} from '../../testing/rabbitmq.ts';
import { createRabbitmqTransport } from '../rabbitmq-transport.ts';
import {
  brokerAddress,
  claimOnBroker,
  deleteFromBroker,
  findOnBroker,
  type SystemOnBroker,
} from './ownership.ts';

const OURS = 'a'.repeat(32);
const THEIRS = 'b'.repeat(32);

describe('the owner of a virtual host', { skip: skipWithoutRabbitmq() }, () => {
  let vhost: TestVhost;
  before(async () => {
    vhost = await createTestVhost();
  });
  after(() => vhost?.close());

  const system = (systemId: string, given: Partial<SystemOnBroker> = {}): SystemOnBroker => ({
    url: vhost.url,
    systemId,
    queues: ['order', 'stock'],
    types: ['order.placed.v1'],
    ...given,
  });
  const leftOn = async () => {
    const list = (module: string) =>
      evalOnBroker(
        `[binary_to_list(element(4, element(2, X))) || X <- ${module}:list(<<"${vhost.name}">>)].`,
      );
    const names = (await list('rabbit_amqqueue')) + (await list('rabbit_exchange'));
    return [...names.matchAll(/"([^"]+)"/g)]
      .map(([, name]) => name)
      .filter((name) => !/^amq\./.test(name ?? ''));
  };

  it('is the first system that claims it, at every start of it, until it has left', async () => {
    assert.deepEqual(await findOnBroker(system(OURS)), { owner: undefined, queues: [] });
    const both = await Promise.all([claimOnBroker(system(OURS)), claimOnBroker(system(THEIRS))]);
    const [owner] = both;
    assert.deepEqual(both, [owner, owner], 'one of two is first, and both learn which');
    assert.ok(owner === OURS || owner === THEIRS);
    const other = owner === OURS ? THEIRS : OURS;
    assert.equal(await claimOnBroker(system(owner)), owner);
    assert.equal(await claimOnBroker(system(other)), owner);
    assert.equal((await findOnBroker(system(other))).owner, owner);
    await deleteFromBroker(system(other));
    assert.equal((await findOnBroker(system(other))).owner, owner);
    await deleteFromBroker(system(owner));
    assert.equal((await findOnBroker(system(other))).owner, undefined);
  });

  it('takes everything of its own with it, and nothing else', async () => {
    await claimOnBroker(system(OURS));
    const transport = createRabbitmqTransport({
      ...{ url: vhost.url, logger: silentLogger, metrics: createMetrics() },
      shardsPerQueue: 3,
    });
    const message = { type: 'order.placed.v1', key: 'a', body: '{}', mandatory: false };
    try {
      for (const queue of ['order', 'stock', 'foreign']) await transport.subscribe(queue, [message.type]);
      await transport.publish([1, 2].map(() => ({ ...message, id: crypto.randomUUID() })));
    } finally {
      await transport.close();
    }
    const { owner, queues } = await findOnBroker(system(OURS));
    assert.equal(owner, OURS);
    assert.equal(queues.length, 9, '3 shards and dead letters of each, and `unrouted`');
    assert.equal(
      queues.reduce((sum, { messages }) => sum + messages, 0),
      4,
    );
    await deleteFromBroker(system(THEIRS));
    assert.equal((await findOnBroker(system(OURS))).queues.length, 9);
    await deleteFromBroker(system(OURS));
    const left = await leftOn();
    assert.ok(left.includes('foreign.00'));
    assert.deepEqual(
      left.filter((name) => !/^foreign([.]|$)/.test(name ?? '')),
      [],
    );
    await deleteFromBroker(system(OURS)); // what was interrupted is repeated
  });

  it('is not changed where we may not', async () => {
    const may = { configure: '^order$', write: '.*', read: '.*' };
    const user = await createTestUser(vhost, may);
    try {
      await assert.rejects(claimOnBroker(system(OURS, { url: user.url })), {
        code: 'MESSAGING_FORBIDDEN',
        message: /failed: .*403.*flotilla\.system/,
      });
    } finally {
      await user.close();
    }
  });
});

it('one virtual host has one address, whatever its URL looks like', () => {
  const same = ['amqp://h', 'amqp://h/', 'amqp://h:5672', 'amqp://me:secret@h:5672/%2F'];
  for (const url of same) assert.equal(brokerAddress(url), 'amqp://h:5672/');
  for (const [url, address] of [
    ['amqps://h/a%20b', 'amqps://h:5671/a%20b'],
    ['amqp://[::1]/100%25', 'amqp://[::1]:5672/100%25'],
  ] as const) {
    assert.equal(brokerAddress(url), address);
    assert.equal(brokerAddress(address), address);
  }
});
