import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { type Clock, systemClock } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { connect } from 'amqplib';
import { collect } from '../../test/rabbitmq/bench.ts';
import { BACKLOG_INTERVAL_MS } from '../bus/backlog-watch.ts';
import { busMigrations } from '../migrations.ts';
import { createTestVhost, skipWithoutRabbitmq, type TestVhost } from '../testing/rabbitmq.ts';
import { createRabbitmqQueues } from './queues.ts';
import { createRabbitmqTransport, type RabbitmqTransportOptions } from './rabbitmq-transport.ts';

/** Mostly a second; it declares once a minute in any case, and looks within 40 s whether it is heard. */
const HEALING_MS = 180_000;

/** The pause between two measurements is over at once. */
const hasty: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms === BACKLOG_INTERVAL_MS ? 20 : ms, signal),
};

describe('the queues on RabbitMQ', { skip: skipWithoutRabbitmq() }, () => {
  let vhost: TestVhost;
  let audit: TestDatabase;
  const operator = { by: 'mia', reason: 'the service is gone' };
  before(async () => {
    vhost = await createTestVhost();
    audit = await createTestDatabase([busMigrations]);
  });
  after(async () => {
    await vhost?.close();
    await audit?.close();
  });

  function transport(t: TestContext, options: Partial<RabbitmqTransportOptions> = {}) {
    const base = { url: vhost.url, logger: silentLogger, metrics: createMetrics(), clock: hasty };
    const made = createRabbitmqTransport({ ...base, ...options });
    t.after(() => made.close());
    return made;
  }
  function queuesOf(t: TestContext, ...names: string[]) {
    const options = { url: vhost.url, names, bus: audit.db, clientName: 'test' };
    const queues = createRabbitmqQueues(options);
    t.after(() => queues.close());
    return queues;
  }
  const outgoing = (queue: string, key: string) => ({
    ...{ id: crypto.randomUUID(), type: `${queue}.wanted.v1`, key, body: '{}', mandatory: true },
  });
  const auditOf = (queue: string) =>
    audit.db.query('SELECT actor, action, reason, messages::integer FROM bus.queue_audit WHERE queue = $1', [
      queue,
    ]);

  it('are listed by name, measured, and dropped with all that waits', async (t) => {
    const metrics = createMetrics();
    const publisher = transport(t, { metrics, backlogLimits: { messages: 3 } });
    await publisher.subscribe('dead', ['dead.wanted.v1']);
    await publisher.publish(['a', 'b', 'c'].map((key) => outgoing('dead', key)));
    await eventually('they are seen', () =>
      metrics.render().includes('messaging_queue_backlog{queue="dead"} 3'),
    );
    assert.match(metrics.render(), /messaging_queue_neglected\{queue="dead"\} 1/);
    const queues = queuesOf(t, 'dead', 'never-there');
    assert.deepEqual(await queues.list(), [
      { queue: 'dead', messages: 3, isEstimate: false, oldestAgeSeconds: undefined, consumers: 0 },
    ]);
    const dropped = { kind: 'dropped', messages: 3, isEstimate: false };
    assert.deepEqual(await queues.drop('dead', operator), dropped);
    assert.deepEqual(await queues.list(), []);
    assert.deepEqual(await auditOf('dead'), [
      { actor: 'mia', action: 'drop', reason: 'the service is gone', messages: 3 },
    ]);
    // Nobody subscribes any more.
    const refused = await publisher.publish([outgoing('dead', 'a')]);
    assert.equal(refused.length, 1);
    assert.deepEqual(await queues.drop('dead', operator), { kind: 'unknown' });
  });

  it('can be dropped again when it was interrupted', async (t) => {
    await transport(t).subscribe('half', ['half.wanted.v1']);
    const connection = await connect(vhost.url);
    const channel = await connection.createChannel();
    await channel.deleteExchange('half');
    for (const shard of ['half.00', 'half.01']) await channel.deleteQueue(shard);
    const queues = queuesOf(t, 'half');
    assert.equal((await queues.list()).length, 1);
    assert.equal((await queues.drop('half', operator)).kind, 'dropped');
    for (const name of ['half.00', 'half.02', 'half.03', 'half.dlq']) {
      const probe = await connection.createChannel();
      probe.on('error', () => undefined);
      await assert.rejects(probe.checkQueue(name), /404/);
    }
    await connection.close();
  });

  it('are left alone while a consumer lives, unless it is forced: then it begins with an empty one', async (t) => {
    const consuming = transport(t);
    await consuming.subscribe('alive', ['alive.wanted.v1']);
    const { receiver, deliveries } = collect(consuming, 'alive');
    t.after(() => receiver.close());
    const queues = queuesOf(t, 'alive');
    await eventually('it consumes', async () => (await queues.list())[0]?.consumers === 1);
    assert.deepEqual(await queues.drop('alive', operator), { kind: 'in-use' });
    assert.equal((await queues.drop('alive', { ...operator, force: true })).kind, 'dropped');
    const subscribed = async () => (await consuming.publish([outgoing('alive', 'a')])).length === 0;
    await eventually('it has subscribed again', subscribed, HEALING_MS);
    await eventually('it consumes again', () => deliveries.length > 0, HEALING_MS);
  });
});
