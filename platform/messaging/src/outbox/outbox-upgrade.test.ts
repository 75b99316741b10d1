import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Database, migrate } from '@flotilla/postgres';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { outboxMigrations } from '../migrations.ts';

const FORMER = join(import.meta.dirname, '../../test/fixture/former-0001_outbox.sql');

/** Everything that a schema consists of, as text. */
const SCHEMA = `
  SELECT 'column ' || c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull
    || ' ' || a.attidentity::text || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '') AS part
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (c.oid, a.attnum)
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL SELECT 'options ' || relname || ' ' || coalesce(reloptions::text, '') FROM pg_class
  WHERE relnamespace = 'public'::regnamespace
  UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
  UNION ALL SELECT 'constraint ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
  WHERE connamespace = 'public'::regnamespace
  UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
  ORDER BY part`;

describe('an outbox made by the former text of its first migration', () => {
  let kept: TestDatabase;
  let folder: string;

  before(async () => {
    kept = await createTestDatabase();
    folder = await mkdtemp(join(tmpdir(), 'flotilla-outbox-'));
    await writeFile(join(folder, '0001_outbox.sql'), await readFile(FORMER, 'utf8'));
    await migrate(kept.db, [{ name: 'outbox', directory: folder }]);
    const columns = '(shard, message_id, key, type, envelope, attempts, available_at, last_error)';
    for (const row of [
      "3, gen_random_uuid(), 'free', 't.v1', '1', 0, NULL, NULL",
      "3, gen_random_uuid(), 'waits', 't.v1', '1', 2, '2026-01-01Z', 'refused'",
      "3, gen_random_uuid(), 'waits', 't.v1', '2', 0, NULL, NULL",
      "5, gen_random_uuid(), 'waits too', 't.v1', '1', 1, '2026-01-02Z', 'refused, too'",
    ])
      await kept.db.query(`INSERT INTO outbox ${columns} VALUES (${row})`);
    await migrate(kept.db, [outboxMigrations]);
  });
  after(async () => {
    await kept.close();
    await rm(folder, { recursive: true });
  });

  it('ends like a new one', async () => {
    const fresh = await createTestDatabase([outboxMigrations]);
    const schemaOf = async (db: Database) => (await db.query(SCHEMA)).map(({ part }) => part);
    assert.deepEqual(await schemaOf(kept.db), await schemaOf(fresh.db));
    const applied = 'SELECT name, checksum FROM schema_migration ORDER BY name';
    assert.deepEqual(await kept.db.query(applied), await fresh.db.query(applied));
    await fresh.close();
  });

  it('keeps every message, those that waited with all behind them, in order', async () => {
    assert.deepEqual(await kept.db.query('SELECT key, envelope FROM outbox'), [
      { key: 'free', envelope: '1' },
    ]);
    assert.deepEqual(
      await kept.db.query(
        'SELECT shard, key, envelope, attempts, last_error FROM outbox_held ORDER BY key, id',
      ),
      [
        { shard: 3, key: 'waits', envelope: '1', attempts: 2, last_error: 'refused' },
        { shard: 3, key: 'waits', envelope: '2', attempts: 0, last_error: null },
        { shard: 5, key: 'waits too', envelope: '1', attempts: 1, last_error: 'refused, too' },
      ],
    );
    assert.deepEqual(await kept.db.query('SELECT key, shard, due_at FROM outbox_held_key ORDER BY key'), [
      { key: 'waits', shard: 3, due_at: new Date('2026-01-01Z') },
      { key: 'waits too', shard: 5, due_at: new Date('2026-01-02Z') },
    ]);
  });
});
