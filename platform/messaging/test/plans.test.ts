import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { uuidv7 } from '@flotilla/kernel';
import { createDatabase, type Database, type SqlValue } from '@flotilla/postgres';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { busMigrations, inboxMigrations, outboxMigrations } from '../src/migrations.ts';

const ME = '00000000-0000-7000-8000-000000000001';
const SHARDS = Array.from({ length: 16 }, (_, shard) => shard);
const BACKLOG = 100_000;
const LATER = new Date('2100-01-01');

/** One connection plans while the tables are empty; then they grow, and nobody has told the planner. */
describe('a plan made for empty tables', () => {
  let test: TestDatabase;
  let db: Database;
  let tokens: readonly string[];
  let outboxTokens: readonly string[];
  before(async () => {
    test = await createTestDatabase([busMigrations, outboxMigrations, inboxMigrations]);
    db = createDatabase({
      uri: test.uri,
      applicationName: 'test',
      maxConnections: 1,
      acquireTimeoutMs: 30_000,
      statementTimeoutMs: 120_000, // filling the tables takes long on a busy machine
    });
    const growing = ['outbox', 'outbox_held', 'outbox_held_key', 'inbox', 'inbox_held_key'];
    for (const table of ['bus.delivery', 'bus.shard', 'bus.member', ...growing]) {
      await db.query(`ALTER TABLE ${table} SET (autovacuum_enabled = false)`);
    }
    await db.query("SELECT bus.subscribe('grown', ARRAY['grown'])");
    tokens = await claim("bus.claim('grown', $1, 600000, NULL)");
    outboxTokens = await claim('outbox_claim($1, 600000, NULL)');
    await db.query("INSERT INTO inbox_held_key VALUES ('holding', 'held', now())");
    await holdInOutbox('due', 8);
    await db.query('VACUUM ANALYZE');
    for (const read of Object.values(reads)) await read();
    await grow();
  });
  after(async () => {
    await db.close();
    await test.close();
  });

  async function claim(call: string): Promise<readonly string[]> {
    const rows = await db.query<{ shard: number; token: string }>(`SELECT * FROM ${call}`, [ME]);
    return rows.sort((a, b) => a.shard - b.shard).map(({ token }) => token);
  }

  /** They wait in the last shard, so that the others have none. */
  async function holdInOutbox(key: string, messages: number): Promise<void> {
    await db.query(
      `INSERT INTO outbox_held (id, shard, message_id, key, type, envelope, mandatory, created_at)
       SELECT coalesce((SELECT max(id) FROM outbox_held), 1000000) + n, 15, gen_random_uuid(), $1, 'grown', '{}', false, now()
       FROM generate_series(1, $2::integer) AS n`,
      [key, messages],
    );
    await db.query('INSERT INTO outbox_held_key VALUES ($1, 15, now()) ON CONFLICT DO NOTHING', [key]);
  }

  async function grow(): Promise<void> {
    await db.query(
      `INSERT INTO outbox (shard, message_id, key, type, envelope)
       SELECT n % 16, gen_random_uuid(), 'k' || n, 'grown', '{}' FROM generate_series(1, ${BACKLOG}) AS n`,
    );
    // Behind one that is due, behind one that is not, and as many keys that wait.
    await holdInOutbox('due', BACKLOG);
    await db.query('INSERT INTO outbox_held_key VALUES ($1, 15, $2)', ['k15', LATER]);
    await holdInOutbox('k15', BACKLOG);
    await db.query(
      `INSERT INTO outbox_held_key SELECT 'held' || n, 15, $1 FROM generate_series(1, ${BACKLOG}) AS n`,
      [LATER],
    );
    await db.query(
      `INSERT INTO bus.delivery (queue_id, shard, key, type, body)
       SELECT 1, n % 16, 'k' || n, 'grown', '{}' FROM generate_series(1, ${BACKLOG}) AS n`,
    );
    await db.query(
      `INSERT INTO inbox (consumer, message_id) SELECT 'grown', gen_random_uuid() FROM generate_series(1, ${BACKLOG})`,
    );
    await db.query(
      `INSERT INTO inbox_held_key SELECT 'holding', 'held' || n, now() FROM generate_series(1, ${BACKLOG}) AS n`,
    );
    // Two indexes begin with the consumer; which is better for one key only statistics tell.
    await db.query('ANALYZE inbox_held_key');
  }

  /** How many blocks the call read, in what it does inside too. */
  async function blocks(call: string, values: readonly SqlValue[]): Promise<number> {
    const [plan] = await db.query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM ${call}`,
      values,
    );
    const read = plan?.['QUERY PLAN'][0].Plan;
    return (read?.['Shared Hit Blocks'] ?? 0) + (read?.['Shared Read Blocks'] ?? 0);
  }

  const oneEach = SHARDS.map((shard) => String(shard + 1));
  const reads = {
    outbox_fetch: () =>
      blocks('outbox_fetch($1::smallint[], $2::bigint[], 4, 8)', [
        SHARDS.slice(0, 15),
        SHARDS.slice(0, 15).map(() => 0),
      ]),
    'outbox_fetch beside messages that are held': () =>
      blocks('outbox_fetch($1::smallint[], $2::bigint[], 4, 8)', [SHARDS, SHARDS.map(() => 0)]),
    outbox_set_aside: () =>
      blocks('outbox_set_aside($1, $2::smallint[], $3::bigint[], $4::bigint[], 4)', [
        ...[ME, SHARDS, outboxTokens],
        SHARDS.map(() => 0),
      ]),
    outbox_confirm_held: () =>
      blocks('outbox_confirm_held($1, $2::smallint[], $3::bigint[], $4::text[], $5::bigint[])', [
        ...[ME, [15], outboxTokens.slice(15), ['due']],
        ['1000001'],
      ]),
    'outbox_refuse of a held message': () =>
      blocks("outbox_refuse($1, 15::smallint, $2::bigint, 'due', $3::bigint, 'no', 0, NULL)", [
        ...[ME, outboxTokens[15] ?? ''],
        '1000002',
      ]),
    outbox_confirm: () =>
      blocks('outbox_confirm($1, $2::smallint[], $3::bigint[], $4::bigint[])', [
        ...[ME, SHARDS, outboxTokens],
        oneEach,
      ]),
    'bus.publish': () =>
      blocks('bus.publish($1::text[], $1::text[], $2::smallint[], $1::text[], $3::boolean[])', [
        ...[SHARDS.map(() => 'nobody'), SHARDS],
        SHARDS.map(() => false),
      ]),
    'bus.fetch': () => blocks("bus.fetch('grown', $1, $2::smallint[], 4, '{}')", [ME, SHARDS]),
    'bus.fetch of what comes behind': () =>
      blocks("bus.fetch('grown', $1, $2::smallint[], 4, $3::bigint[])", [ME, SHARDS, oneEach]),
    'bus.ack': () =>
      blocks("bus.ack('grown', $1, $2::smallint[], $3::bigint[], $4::bigint[])", [
        ...[ME, SHARDS, tokens],
        oneEach,
      ]),
    inbox_remember: () => remember('grown'),
    'inbox_remember of a consumer with a held key': () => remember('holding'),
  };

  function remember(consumer: string): Promise<number> {
    return blocks('inbox_remember($1, $2::uuid[], $3::text[])', [
      consumer,
      SHARDS.map(() => uuidv7()),
      SHARDS.map((shard) => `k${shard}`),
    ]);
  }

  for (const [name, read] of Object.entries(reads)) {
    it(`lets ${name} read as little when ${BACKLOG.toLocaleString('en')} rows are there`, async () => {
      // The first read may have to look up the tables themselves again: others change the catalogue meanwhile.
      const count = Math.min(await read(), await read());
      assert.ok(count < 500, `${count} blocks`);
    });
  }
});
