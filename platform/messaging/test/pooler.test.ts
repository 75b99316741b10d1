import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { createDatabase } from '@flotilla/postgres';
import { hasPooler, startTestPooler, type TestPooler } from '@flotilla/postgres/testing';
import { on } from '../src/inbox/handler.ts';
import { counted, createTestSystem, effects, type TestSystem } from './system.ts';

const skip = hasPooler() ? false : 'pgbouncer is not installed';

describe('messages through a pooler in transaction mode', { skip }, () => {
  let system: TestSystem;
  let pooler: TestPooler;
  const closing: (() => Promise<void>)[] = [];
  before(async () => {
    system = await createTestSystem();
    pooler = await startTestPooler(system.service.adminUri);
  });
  after(async () => {
    for (const close of closing.reverse()) await close();
    await system.close();
    await pooler.close();
  });

  const through = (uri: string) => pooler.uri(new URL(uri).pathname.slice(1));
  const owners = () =>
    system.service.db.query<{ shard: number; owner: string; token: string }>(
      'SELECT shard, owner, token FROM outbox_shard ORDER BY shard',
    );

  it('are handled once and in order, and relays and consumers leave each other their shards', async () => {
    const record = on(counted, async ({ data }, tx) => {
      await tx.query('INSERT INTO effect (key, n) VALUES ($1, $2)', [data.key, data.n]);
    });
    for (const name of ['one', 'other']) {
      const uri = through(system.service.uri);
      const db = createDatabase({ uri, applicationName: name, acquireTimeoutMs: 60_000 });
      closing.push(() => db.close());
      const transport = system.transport({ uri: through(system.bus.uri), leaseMs: 6_000 });
      const consumer = await system.consumer(transport, [record], { db });
      const relay = system.relay(transport, { db, leaseMs: 6_000 });
      closing.push(() => relay.close());
      closing.push(() => consumer.close());
    }
    await eventually('each relay has its share', async () => {
      const byOwner = Map.groupBy(await owners(), ({ owner }) => owner);
      return byOwner.size === 2 && [...byOwner.values()].every(({ length }) => length === 8);
    });
    const keys = ['a', 'b', 'c', 'd'];
    for (let n = 0; n < 10; n += 1) for (const key of keys) await system.publish(key, n);
    const done = await eventually('all are handled', async () => {
      const found = await effects(system);
      return found.length >= 40 && found;
    });
    for (const key of keys)
      assert.deepEqual(
        done.filter((effect) => effect.key === key).map(({ n }) => n),
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
      );
    for (const [db, members] of [
      [system.service.db, 'outbox_relay'],
      [system.bus.db, 'bus.member'],
    ] as const) {
      assert.deepEqual(await db.query(`SELECT DISTINCT presence FROM ${members}`), [{ presence: null }]);
      const locks = await db.query(
        "SELECT FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
      );
      assert.deepEqual(locks, [], 'no lock is left in a session that others use');
    }
  });
});
