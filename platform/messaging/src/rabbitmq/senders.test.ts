import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { after, before, beforeEach, describe, it } from 'node:test';
import * as s from '@flotilla/kernel/schema';
import { eventually } from '@flotilla/kernel/testing';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { connect } from 'amqplib';
import { createConsumer } from '../inbox/consumer.ts';
import { on } from '../inbox/handler.ts';
import { defineMessage } from '../message.ts';
import { inboxMigrations } from '../migrations.ts';
import { createTestVhost, evalOnBroker, skipWithoutRabbitmq, type TestVhost } from '../testing/rabbitmq.ts';
import { createTestMessage } from '../testing/test-message.ts';
import type { Transport } from '../transport.ts';
import { createRabbitmqTransport } from './rabbitmq-transport.ts';

const guarded = defineMessage({
  ...{ type: 'test.guarded.v1', description: 'A fact.', key: ({ of }: { readonly of: string }) => of },
  schema: s.object({ of: s.string() }),
});

/** A user of the broker for each service; the one that consumes is the broker's own, by its name. */
describe('a user of RabbitMQ for each service', { skip: skipWithoutRabbitmq() }, () => {
  const suffix = randomBytes(4).toString('hex');
  const [owner, other] = [`owner-${suffix}`, `other-${suffix}`];
  const transports: Transport[] = [];
  const handled: string[] = [];
  let vhost: TestVhost;
  let database: TestDatabase;
  before(async () => {
    database = await createTestDatabase([inboxMigrations]);
    vhost = await createTestVhost();
    const anything = '<<".*">>, <<".*">>, <<".*">>, <<"test">>';
    const users = [owner, other].map(
      (name) => `rabbit_auth_backend_internal:add_user(<<"${name}">>, <<"${name}">>, <<"test">>),
        rabbit_auth_backend_internal:set_permissions(<<"${name}">>, <<"${vhost.name}">>, ${anything})`,
    );
    await evalOnBroker(`${users.join(', ')}.`);
  });
  after(async () => {
    await Promise.all(transports.map((transport) => transport.close()));
    const gone = [owner, other].map(
      (name) => `rabbit_auth_backend_internal:delete_user(<<"${name}">>, <<"test">>)`,
    );
    await evalOnBroker(`${gone.join(', ')}.`);
    await vhost.close();
    await database.close();
  });
  beforeEach(async () => {
    handled.length = 0;
    for (const table of ['inbox', 'inbox_held', 'inbox_held_key', 'inbox_dead_letter'])
      await database.db.query(`DELETE FROM ${table}`);
  });

  const urlOf = (name: string) => Object.assign(new URL(vhost.url), { username: name, password: name }).href;
  function open(url: string, clientName = decodeURIComponent(new URL(url).username)): Transport {
    const facts = { logger: silentLogger, metrics: createMetrics() };
    const transport = createRabbitmqTransport({ url, clientName, ...facts });
    transports.push(transport);
    return transport;
  }
  async function start(queue: string, transport: Transport) {
    const consumer = createConsumer({
      ...{ name: queue, db: database.db, transport, logger: silentLogger, metrics: createMetrics() },
      handlers: [on(guarded, async ({ data }) => void handled.push(data.of), { from: [owner] })],
    });
    await consumer.start();
    return { [Symbol.asyncDispose]: () => consumer.close() };
  }
  const publish = async (by: Transport, of: string, source: string) =>
    void (await by.publish([createTestMessage(guarded, { of }, { source })]));
  const refused = async () => {
    const rows = await database.db.query<{ key: string; reason: string }>(
      'SELECT key, reason FROM inbox_dead_letter ORDER BY key',
    );
    return rows.map(({ key, reason }) => `${key}: ${reason.replaceAll(suffix, '…')}`);
  };

  it('has handlers believe the broker, and not what a message says of itself', async () => {
    await using _consumer = await start('taker', open(vhost.url));
    const [honest, forger] = [open(urlOf(owner)), open(urlOf(other))];
    await publish(forger, 'a', other);
    await publish(forger, 'b', owner);
    await publish(honest, 'c', owner);
    const foreign = await connect(urlOf(other));
    try {
      const channel = await foreign.createConfirmChannel();
      const { body } = createTestMessage(guarded, { of: 'd' }, { source: owner });
      channel.publish(guarded.type, 'event.00', Buffer.from(body), { type: guarded.type, messageId: 'd' });
      await channel.waitForConfirms();
    } finally {
      await foreign.close();
    }
    await eventually('all are settled', async () => handled.length === 1 && (await refused()).length === 3);
    assert.deepEqual(handled, ['c']);
    assert.deepEqual(await refused(), [
      'a: MESSAGING_SOURCE_REFUSED: test.guarded.v1 is taken of owner-…, and not of "other-…"',
      'b: MESSAGING_SOURCE_REFUSED: it says that it is of "owner-…", and was sent by "other-…"',
      'd: MESSAGING_SOURCE_REFUSED: it says that it is of "owner-…", and was sent by nobody knows whom',
    ]);
  });

  it('cannot publish in the name of another', async () => {
    const foreign = await connect(urlOf(other));
    try {
      const channel = await foreign.createChannel();
      const failed = once(channel, 'error');
      await channel.assertExchange('forged', 'fanout', { autoDelete: true });
      channel.publish('forged', '', Buffer.from('{}'), { userId: owner });
      const [error] = await failed;
      assert.match(String(error), /PRECONDITION_FAILED.*user_id property set to 'owner-/);
    } finally {
      await foreign.close();
    }
  });

  it('is no use to a service that shares its user: its handlers go by what messages say', async () => {
    await using _consumer = await start('sharer', open(vhost.url, 'sharer'));
    const shared = open(urlOf(other));
    await publish(shared, 'e', other);
    await publish(shared, 'f', owner);
    await eventually('both are settled', async () => handled.length === 1 && (await refused()).length === 1);
    assert.deepEqual(handled, ['f']);
  });
});
