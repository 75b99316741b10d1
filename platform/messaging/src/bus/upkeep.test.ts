import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { uuidv7 } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { counted, createTestSystem, effects, type TestSystem } from '../../test/system.ts';
import { createTestTransport } from '../../test/transport.ts';
import { on } from '../inbox/handler.ts';
import { forgetOldMessages } from '../inbox/inbox.ts';
import { createTestMessage } from '../testing/test-message.ts';
import { createBusQueue } from './bus-queue.ts';

const recordEffect = on(counted, async ({ data }, tx) => {
  await tx.query('INSERT INTO effect (key, n) VALUES ($1, $2)', [data.key, data.n]);
});

describe('upkeep', () => {
  let system: TestSystem;
  before(async () => {
    system = await createTestSystem();
  });
  after(() => system.close());

  const count = async (sql: string) => (await system.service.db.query(sql)).length;

  it('never deletes what is not settled, however old it is', async () => {
    const { db } = system.service;
    await db.transaction((tx) => system.outbox.publish(tx, counted, { key: 'old', n: 1 }));
    await db.transaction((tx) =>
      system.outbox.publish(tx, counted, { key: 'old', n: 1 }, { deliverAt: new Date('2100-01-01') }),
    );
    await db.query(
      `SELECT inbox_fail('old', gen_random_uuid(), 'k', 't.v1', '{}', now() - interval '100 days', '{}', 'x', 86400000, 0)`,
    );
    await db.query(
      `INSERT INTO inbox_dead_letter (consumer, message_id, type, key, body, reason, attempts, failures, crashes, enqueued_at, dead_at)
       VALUES ('old', gen_random_uuid(), 't.v1', 'k', '{}', 'x', '[]', 1, 0, now() - interval '100 days', now() - interval '99 days')`,
    );
    await db.query("UPDATE outbox SET created_at = now() - interval '100 days'");
    await db.query("INSERT INTO inbox VALUES ('old', gen_random_uuid(), now() - interval '100 days')");
    assert.equal(await forgetOldMessages(db, 'old', 14), false);
    assert.deepEqual(
      {
        inbox: await count("SELECT 1 FROM inbox WHERE consumer = 'old'"),
        held: await count("SELECT 1 FROM inbox_held WHERE consumer = 'old'"),
        dead: await count("SELECT 1 FROM inbox_dead_letter WHERE consumer = 'old'"),
        unsent: await count('SELECT 1 FROM outbox'),
        delayed: await count('SELECT 1 FROM outbox_delayed'),
      },
      { inbox: 0, held: 1, dead: 1, unsent: 1, delayed: 1 },
    );
    await db.query('DELETE FROM outbox');
  });

  it('makes a duplicate that comes after the retention count as new', async () => {
    const transport = createTestTransport();
    await system.consumer(transport, [recordEffect], { name: 'window' });
    const message = createTestMessage(counted, { key: 'window', n: 1 });
    // Twice in one batch, and again: one effect.
    await transport.deliver([message, message]);
    await transport.deliver([message]);
    const effectsOf = async () => (await effects(system)).filter(({ key }) => key === 'window').length;
    assert.equal(await effectsOf(), 1);
    await system.service.db.query(
      "UPDATE inbox SET handled_at = now() - interval '15 days' WHERE consumer = 'window'",
    );
    await forgetOldMessages(system.service.db, 'window', 14);
    await transport.deliver([message]);
    assert.equal(await effectsOf(), 2);
  });

  it('counts the retention from when a message was handled, however long ago it was sent or first tried', async () => {
    const { db } = system.service;
    const transport = createTestTransport();
    await system.consumer(transport, [recordEffect], { name: 'late' });
    const sent = createTestMessage(counted, { key: 'late', n: 1 });
    const old = { enqueuedAt: new Date(Date.now() - 100 * 86_400_000) };
    await transport.deliver([sent], old);

    const held = createTestMessage(counted, { key: 'later', n: 1 });
    const { id, key, type, body } = held;
    await db.query(
      "SELECT inbox_fail('late', $1, $2, $3, $4, now() - interval '100 days', '{}', 'not now', 0, 0)",
      [id, key, type, body],
    );
    const effectsOf = async (ofKey: string) =>
      (await effects(system)).filter((effect) => effect.key === ofKey).length;
    await eventually('it is handled', async () => (await effectsOf('later')) === 1);

    await forgetOldMessages(db, 'late', 14);
    await transport.deliver([sent, held], old);
    assert.deepEqual([await effectsOf('late'), await effectsOf('later')], [1, 1]);
  });

  it('has little to do: a message is inserted and deleted, never updated', async () => {
    const transport = system.transport();
    await system.consumer(transport, [recordEffect]);
    const relay = system.relay(transport);
    for (let n = 0; n < 50; n += 1) await system.publish(`bloat-${n % 5}`, n);
    relay.nudge();
    await eventually('all effects', async () => {
      return (await effects(system)).filter(({ key }) => key.startsWith('bloat')).length === 50;
    });
    const writes = async (db: TestSystem['bus']['db'], table: string) => {
      const [row] = await db.query<{ ins: number; upd: number; del: number }>(
        `SELECT n_tup_ins::integer AS ins, n_tup_upd::integer AS upd, n_tup_del::integer AS del
         FROM pg_stat_user_tables WHERE relid = $1::regclass`,
        [table],
      );
      return row;
    };
    // Each connection tells its figures in its own time.
    await eventually('the bus counts 50', async () => {
      const counted = await writes(system.bus.db, 'bus.delivery');
      return counted?.ins === 50 && counted.del === 50;
    });
    await eventually(
      'the outbox counts 50',
      async () => ((await writes(system.service.db, 'outbox'))?.del ?? 0) >= 50,
    );
    assert.deepEqual(await writes(system.bus.db, 'bus.delivery'), { ins: 50, upd: 0, del: 50 });
  });

  it('is not needed for a quick fetch: it reads as much with ten rows behind as with thousands', async () => {
    const { db } = system.bus;
    const publish = (queue: string, messages: number) =>
      db.query(
        `SELECT bus.publish(array_agg($1::text), array_agg('k' || n), array_agg((n % 16)::smallint), array_agg('{}'::text), array_agg(false))
         FROM generate_series(1, $2::integer) AS n`,
        [queue, messages],
      );
    const blocksRead = async (queue: string) => {
      const me = uuidv7();
      await createBusQueue(db, queue, me).claim(60_000, null);
      const shards = `'{0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15}'`;
      const fetch = `SELECT * FROM bus.fetch('${queue}', '${me}', ${shards}, 4, '{}')`;
      const [plan] = await db.query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(
        `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${fetch}`,
      );
      const read = plan?.['QUERY PLAN'][0].Plan;
      return (read?.['Shared Hit Blocks'] ?? 0) + (read?.['Shared Read Blocks'] ?? 0);
    };
    for (const [queue, messages] of [
      ['warm', 64],
      ['short', 160],
      ['long', 20_000],
    ] as const) {
      await db.query('SELECT bus.subscribe($1, $2)', [queue, [queue]]);
      await publish(queue, messages);
    }
    await blocksRead('warm');
    const [short, long] = [await blocksRead('short'), await blocksRead('long')];
    assert.ok(long < 2 * short + 100, `${long} blocks behind 20,000 messages, ${short} behind 160`);
    assert.ok(long < 1_000, `a scan would read more than ${long} blocks`);
  });
});
