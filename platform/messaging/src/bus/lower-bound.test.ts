import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { uuidv7 } from '@flotilla/kernel';
import { createDatabase, type Queryable, type SqlValue } from '@flotilla/postgres';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { busMigrations, outboxMigrations } from '../migrations.ts';
import { createOutboxStore } from '../outbox/outbox-store.ts';
import { createParkedMessages } from '../outbox/parked-messages.ts';
import { createBusQueue } from './bus-queue.ts';
import { type BoundStore, createLowerBound, type Horizon } from './lower-bound.ts';
import { shardOf } from './shard.ts';

const BATCH = 2_000;
const SHARD = shardOf('k');

/** One that never passes a look over. */
function lookOf(store: BoundStore): () => Promise<void> {
  const { worked, raise } = createLowerBound(store);
  return async () => {
    worked();
    await raise();
  };
}

describe('what was sent while a session keeps deleted rows from being cleaned up', () => {
  let test: TestDatabase;
  before(async () => {
    test = await createTestDatabase([busMigrations, outboxMigrations]);
    // Nobody else may clean up or look: what is counted is what one read passes.
    for (const table of ['outbox', 'outbox_shard', 'bus.delivery', 'bus.shard']) {
      await test.db.query(`ALTER TABLE ${table} SET (autovacuum_enabled = false)`);
    }
  });
  after(() => test.close());

  const INSERT = `INSERT INTO outbox (shard, message_id, key, type, envelope)
    SELECT $1, gen_random_uuid(), $2, 't.v1', '{}' FROM generate_series(1, $3::integer) RETURNING id`;
  const insert = (db: Queryable, key: string, messages: number) =>
    db.query<{ id: string }>(INSERT, [shardOf(key), key, messages]);

  const PUBLISH = `SELECT bus.publish(array_fill('bound'::text, ARRAY[$2::integer]), array_fill($1::text, ARRAY[$2::integer]),
    array_fill($3::smallint, ARRAY[$2::integer]), array_fill('{}'::text, ARRAY[$2::integer]), array_fill(false, ARRAY[$2::integer]))`;
  const publish = (db: Queryable, key: string, messages: number) =>
    db.query(PUBLISH, [key, messages, shardOf(key)]);

  /** Sessions of their own. `begin` opens a transaction that stays open, and runs a statement in it. */
  async function begin<T>(t: TestContext, work: (tx: Queryable) => Promise<T>) {
    const db = createDatabase({
      uri: test.uri,
      applicationName: 'other',
      maxConnections: 1,
      acquireTimeoutMs: 30_000,
    });
    const begun = Promise.withResolvers<T>();
    const ends = Promise.withResolvers<void>();
    const done = db.transaction(async (tx) => {
      begun.resolve(await work(tx));
      await ends.promise;
    });
    const end = async () => {
      ends.resolve();
      await done;
    };
    t.after(async () => {
      await end();
      await db.close();
    });
    return { result: await begun.promise, end };
  }

  async function blocks(call: string, values: readonly SqlValue[]): Promise<number> {
    const [plan] = await test.db.query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM ${call}`,
      values,
    );
    const read = plan?.['QUERY PLAN'][0].Plan;
    return (read?.['Shared Hit Blocks'] ?? 0) + (read?.['Shared Read Blocks'] ?? 0);
  }

  async function createRelaySide(t: TestContext) {
    await test.db.query('UPDATE outbox_shard SET owner = NULL');
    const store = createOutboxStore(test.db, uuidv7());
    t.after(() => store.leave());
    const shards = new Map((await store.claim(60_000, null)).map(({ shard, token }) => [shard, token]));
    const fetch = async () => (await store.fetch(shards, { isAhead: false, after: new Map() })).rows;
    const sendAll = async () => {
      const sent: string[] = [];
      for (let rows = await fetch(); rows.length > 0; rows = await fetch()) {
        await store.confirm(rows.filter(({ held }) => !held));
        await store.confirmHeld(rows.filter(({ held }) => held));
        sent.push(...rows.map(({ id }) => id));
      }
      return sent;
    };
    return { store, fetch, sendAll, look: lookOf(store) };
  }

  const FETCH = 'outbox_fetch($1::smallint[], $2::bigint[], 100, 100, 1000000)';
  const fetchBlocks = () => blocks(FETCH, [[SHARD], [0]]);

  it('is not passed again by each fetch of the relay', async (t) => {
    await begin(t, (tx) => tx.query('CREATE TABLE held_by_a_writer ()'));
    const { sendAll, look } = await createRelaySide(t);
    const read: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      await insert(test.db, 'k', BATCH);
      await sendAll();
      await look();
      read.push(await fetchBlocks());
    }
    await look();
    assert.ok((read[4] ?? 0) < (read[0] ?? 0) * 2, `blocks read: ${read}`);
    const last = await fetchBlocks();
    assert.ok(last < 100, `${last} blocks are read with nothing to send`);
  });

  it('is not passed again by each fetch from the bus', async (t) => {
    await test.db.query("SELECT bus.subscribe('bound', ARRAY['bound'])");
    await begin(t, (tx) => tx.query('CREATE TABLE held_by_another_writer ()'));
    const me = uuidv7();
    const queue = createBusQueue(test.db, 'bound', me);
    t.after(() => queue.leave());
    await queue.claim(60_000, null);
    const look = lookOf(queue);
    const room = { messages: BATCH, bytes: 1_000_000 };
    const read: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      await publish(test.db, 'k', BATCH);
      for (let more = true; more; ) {
        const { deliveries } = await queue.fetch([SHARD], room, []);
        await queue.ack(deliveries);
        more = deliveries.length > 0;
      }
      await look();
      read.push(await blocks("bus.fetch('bound', $1, $2::smallint[], 4, '{}', 1000000)", [me, [SHARD]]));
    }
    await look();
    assert.ok((read[4] ?? 0) < (read[0] ?? 0) * 2, `blocks read: ${read}`);
    const last = await blocks("bus.fetch('bound', $1, $2::smallint[], 4, '{}', 1000000)", [me, [SHARD]]);
    assert.ok(last < 100, `${last} blocks are read with nothing to handle`);

    const late = await begin(t, (tx) => publish(tx, 'late', 1));
    for (let round = 0; round < 3; round += 1) {
      await publish(test.db, 'k', BATCH);
      await look();
    }
    await late.end();
    await look();
    await look();
    const found = await queue.fetch([shardOf('late')], room, []);
    assert.deepEqual(
      found.deliveries.filter(({ key }) => key === 'late').map(({ body }) => body),
      ['{}'],
      'what is committed late is handed out',
    );
  });

  it('does not hide a message that is committed late, nor change the order of its key', async (t) => {
    const { sendAll, look } = await createRelaySide(t);
    const late = await begin(t, async (tx) => [...(await insert(tx, 'k', 1)), ...(await insert(tx, 'k', 1))]);
    for (let round = 0; round < 3; round += 1) {
      await insert(test.db, 'k', BATCH);
      assert.equal((await sendAll()).length, BATCH);
      await look();
    }
    await late.end();
    // Whatever is raised now, it is there.
    await look();
    await look();
    assert.deepEqual(
      await sendAll(),
      late.result.map(({ id }) => id),
    );
  });

  it('does not hide a parked message that is sent again, and it goes before others of its key', async (t) => {
    const { store, fetch, sendAll, look } = await createRelaySide(t);
    await insert(test.db, 'k', 1);
    const [refused] = await fetch();
    assert.ok(refused);
    await store.park(refused, 'no', 'no');
    await insert(test.db, 'k', BATCH);
    await sendAll();
    await look();
    await look();
    const waiting = await insert(test.db, 'k', 2);
    await createParkedMessages(test.db).retry({}, { by: 'ann', reason: 'again' });
    const sent: string[] = [];
    for (let round = 0; round < 5; round += 1) {
      const { rows, behind } = await store.fetch(new Map([[SHARD, refused.token]]), {
        isAhead: false,
        after: new Map(),
      });
      if (behind.length > 0) await store.setAside(behind);
      await store.confirm(rows.filter(({ held }) => !held));
      await store.confirmHeld(rows.filter(({ held }) => held));
      sent.push(...rows.map(({ id }) => id));
    }
    assert.deepEqual(sent, [refused.id, ...waiting.map(({ id }) => id)]);
  });

  it('hides nothing when the ids begin anew', async (t) => {
    const { sendAll, look } = await createRelaySide(t);
    await insert(test.db, 'k', BATCH);
    await sendAll();
    await look();
    await look();
    await test.db.query('ALTER TABLE outbox ALTER COLUMN id RESTART');
    const again = await insert(test.db, 'k', 1);
    await look();
    await look();
    assert.deepEqual(
      await sendAll(),
      again.map(({ id }) => id),
    );
  });
});

describe('the look that raises lower bounds', () => {
  function lookAt(horizons: readonly Horizon[]) {
    const raised: [source: string, id: string][] = [];
    let seen = 0;
    const { raise: look, worked } = createLowerBound({
      horizon: async () => {
        const horizon = horizons[Math.min(seen, horizons.length - 1)];
        seen += 1;
        return horizon ?? { source: '', lastId: '0', writers: [] };
      },
      raiseBounds: async (source, closedId) => {
        raised.push([source, closedId]);
      },
    });
    return { look, worked, raised, looks: () => seen };
  }

  it('waits until each transaction that was writing has ended, and not for others', async () => {
    const { look, raised } = lookAt([
      { source: 'a', lastId: '10', writers: ['slow', 'quick'] },
      { source: 'a', lastId: '20', writers: ['slow', 'next'] },
      { source: 'a', lastId: '30', writers: ['next'] },
      { source: 'a', lastId: '40', writers: ['next'] },
      { source: 'a', lastId: '50', writers: [] },
    ]);
    for (let looks = 0; looks < 5; looks += 1) await look();
    assert.deepEqual(raised, [
      ['a', '10'],
      ['a', '30'],
    ]);
  });

  it('forgets what it saw in another run of the server', async () => {
    const { look, raised } = lookAt([
      { source: 'a', lastId: '1000', writers: [] },
      { source: 'b', lastId: '990', writers: [] },
      { source: 'b', lastId: '1005', writers: [] },
    ]);
    for (let looks = 0; looks < 3; looks += 1) await look();
    assert.deepEqual(raised, [['b', '990']]);
  });

  it('is passed over while nothing was done, though not for ever: ids may begin anew', async () => {
    const { look, worked, raised, looks } = lookAt([{ source: 'a', lastId: '10', writers: [] }]);
    for (let rounds = 0; rounds < 16; rounds += 1) await look();
    assert.equal(looks(), 2, 'one sees, one raises');
    assert.deepEqual(raised, [['a', '10']]);
    await look();
    assert.equal(looks(), 3);
    worked();
    await look();
    assert.equal(looks(), 4);
    await look();
    assert.equal(looks(), 4);
  });

  it('is not passed over while a transaction is still writing, nor when something was done during it or it failed', async () => {
    const horizon = Promise.withResolvers<Horizon>();
    const seen: Horizon = { source: 'a', lastId: '10', writers: [] };
    const answers = [
      async () => ({ ...seen, writers: ['slow'] }),
      async () => ({ ...seen, writers: ['slow'] }),
      async () => seen,
      () => horizon.promise,
      () => Promise.reject(new Error('away')),
      async () => seen,
    ];
    let looks = 0;
    const { raise, worked } = createLowerBound({
      horizon: async () => await (answers[looks++] ?? answers.at(-1) ?? (async () => seen))(),
      raiseBounds: async () => undefined,
    });
    await raise();
    await raise();
    worked();
    await raise();
    worked();
    const looking = raise();
    worked();
    horizon.resolve(seen);
    await looking;
    await assert.rejects(raise());
    await raise();
    assert.equal(looks, 6);
    await raise();
    assert.equal(looks, 6);
  });
});
