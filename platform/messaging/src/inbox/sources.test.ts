import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import * as s from '@flotilla/kernel/schema';
import { eventually } from '@flotilla/kernel/testing';
import { databaseUri } from '@flotilla/postgres';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { createPostgresTransport } from '../bus/postgres-transport.ts';
import { defineMessage } from '../message.ts';
import { busMigrations, inboxMigrations } from '../migrations.ts';
import { createTestMessage } from '../testing/test-message.ts';
import type { Transport } from '../transport.ts';
import { createConsumer } from './consumer.ts';
import { on } from './handler.ts';

const fact = (type: string) =>
  defineMessage({ type, description: 'A fact.', key: ({ of }) => of, schema: s.object({ of: s.string() }) });
const guarded = fact('test.guarded.v1');
const open = fact('test.open.v1');
const future = fact('test.future.v1');

describe('a handler that takes messages of some services only', () => {
  const suffix = randomBytes(4).toString('hex');
  const roles = ['owner', 'other', 'taker'].map((name) => ({
    name: `${name}_${suffix}`,
    password: randomBytes(12).toString('hex'),
  }));
  const [owner = '', other = '', taker = ''] = roles.map(({ name }) => name);
  const transports = new Map<string, Transport>();
  const handled: string[] = [];
  let bus: TestDatabase;
  let database: TestDatabase;
  before(async () => {
    bus = await createTestDatabase([busMigrations]);
    database = await createTestDatabase([inboxMigrations]);
    for (const role of roles) {
      await bus.db.query(`CREATE ROLE ${role.name} LOGIN PASSWORD '${role.password}'`);
      const uri = databaseUri(bus.adminUri, new URL(bus.uri).pathname.slice(1), role);
      transports.set(role.name, transportTo(uri));
    }
    transports.set('bus owner', transportTo(bus.uri));
  });
  after(async () => {
    await Promise.all([...transports.values()].map((transport) => transport.close()));
    for (const { name } of roles) {
      await bus.db.query(`DROP OWNED BY ${name}`);
      await bus.db.query(`DROP ROLE ${name}`);
    }
    await Promise.all([bus.close(), database.close()]);
  });
  beforeEach(async () => {
    handled.length = 0;
    for (const table of ['inbox', 'inbox_held', 'inbox_held_key', 'inbox_dead_letter'])
      await database.db.query(`DELETE FROM ${table}`);
  });

  const transportTo = (uri: string) =>
    createPostgresTransport({ uri, logger: silentLogger, metrics: createMetrics(), pollIntervalMs: 20 });
  const transportOf = (role: string): Transport => {
    const transport = transports.get(role);
    assert.ok(transport);
    return transport;
  };
  const start = async () => {
    const note = async ({ data }: { readonly data: { readonly of: string } }) => void handled.push(data.of);
    const consumer = createConsumer({
      ...{ name: taker, db: database.db, transport: transportOf(taker) },
      handlers: [on(guarded, note, { from: [owner] }), on(open, note)],
      ...{ logger: silentLogger, metrics: createMetrics() },
    });
    await transportOf(taker).subscribe(taker, [future.type]);
    await consumer.start();
    return consumer;
  };
  const publish = async (by: string, type: typeof guarded, of: string, source: string) =>
    void (await transportOf(by).publish([createTestMessage(type, { of }, { source })]));
  const deadReasons = async () => {
    const rows = await database.db.query<{ reason: string }>(
      'SELECT reason FROM inbox_dead_letter ORDER BY key',
    );
    return rows.map(({ reason }) => reason.replaceAll(suffix, '…'));
  };

  it('believes the role that published, and not what a message says of itself', async () => {
    await using _consumer = disposable(await start());
    await publish(other, guarded, 'a', other);
    await publish(other, guarded, 'b', owner);
    // The rest of its key is not held back by one that was given up.
    await publish(owner, guarded, 'b', owner);
    await publish(owner, guarded, 'c', owner);
    await publish('bus owner', guarded, 'd', owner);
    await eventually(
      'all are settled',
      async () => handled.length === 3 && (await deadReasons()).length === 2,
    );
    assert.deepEqual([...handled].sort(), ['b', 'c', 'd']);
    assert.deepEqual(await deadReasons(), [
      'MESSAGING_SOURCE_REFUSED: test.guarded.v1 is taken of owner_…, and not of "other_…"',
      'MESSAGING_SOURCE_REFUSED: it says that it is of "owner_…", and was sent by "other_…"',
    ]);
  });

  it('leaves the messages of others as they are', async () => {
    await using _consumer = disposable(await start());
    await publish(other, open, 'a', 'whoever');
    await eventually('it is handled', async () => handled.length === 1);
  });

  it('does not keep a forged one for a process that may handle its type one day', async () => {
    await using _consumer = disposable(await start());
    await publish(other, future, 'forged', owner);
    await publish(owner, future, 'kept', owner);
    await eventually('the one is given up, the other one waits', async () => {
      const held = await database.db.query<{ key: string }>('SELECT key FROM inbox_held');
      return held.length === 1 && held[0]?.key === 'kept' && (await deadReasons()).length === 1;
    });
    assert.match((await deadReasons())[0] ?? '', /^MESSAGING_SOURCE_REFUSED/);
  });

  it('takes what was on its way before senders were written down', async () => {
    await transportOf(taker).subscribe(taker, [guarded.type]);
    await publish(owner, guarded, 'old', owner);
    await bus.db.query('UPDATE bus.delivery SET sender = NULL');
    await using _consumer = disposable(await start());
    await eventually('it is handled', async () => handled.length === 1);
  });
});

function disposable(consumer: { close(): Promise<void> }): AsyncDisposable {
  return { [Symbol.asyncDispose]: () => consumer.close() };
}
