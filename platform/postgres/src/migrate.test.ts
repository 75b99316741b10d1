import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { createDatabase } from './database.ts';
import { migrate } from './migrate.ts';
import { createTestDatabase, type TestDatabase } from './testing/index.ts';

describe('migrations', () => {
  let test: TestDatabase;
  let folder: string;
  beforeEach(async () => {
    test = await createTestDatabase();
    folder = await mkdtemp(join(tmpdir(), 'flotilla-migrate-'));
  });
  afterEach(async () => {
    await test.close();
    await rm(folder, { recursive: true });
  });

  async function source(name: string, files: Readonly<Record<string, string>>) {
    const directory = join(folder, name);
    await mkdir(directory, { recursive: true });
    for (const [file, sql] of Object.entries(files)) await writeFile(join(directory, file), sql);
    return { name, directory };
  }

  it('applies the files of every source in order, each once', async () => {
    const items = await source('items', {
      '0002_more.sql': 'ALTER TABLE item ADD quantity int',
      '0001_item.sql': 'CREATE TABLE item (id text)',
      'notes.txt': 'not SQL',
    });
    const views = await source('views', {
      '0001_view.sql': 'CREATE VIEW items AS SELECT quantity FROM item',
    });
    assert.deepEqual(await migrate(test.db, [items, views]), [
      'items/0001_item',
      'items/0002_more',
      'views/0001_view',
    ]);
    assert.deepEqual(await migrate(test.db, [items, views]), []);
    await source('items', { '0003_last.sql': 'CREATE TABLE last (id text)' });
    assert.deepEqual(await migrate(test.db, [items, views]), ['items/0003_last']);
  });

  it('refuses a file that was changed after it had been applied, and says which, where and what to do', async () => {
    const items = await source('items', { '0001_item.sql': 'CREATE TABLE item (id text)' });
    await migrate(test.db, [items]);
    await source('items', { '0001_item.sql': 'CREATE TABLE item (id uuid)', '0002_more.sql': 'SELECT 1' });
    const database = new URL(test.uri).pathname.slice(1);
    await assert.rejects(migrate(test.db, [items]), {
      code: 'POSTGRES_MIGRATION_CHANGED',
      message: new RegExp(`items/0001_item .* the database ${database} .*put the file back as it was`),
    });
    assert.equal((await test.db.query('SELECT * FROM schema_migration')).length, 1);
  });

  it('leads from the former text of a file to its present one, and goes on from there', async () => {
    const former = 'CREATE TABLE item (id text)';
    const items = await source('items', { '0001_item.sql': former });
    await migrate(test.db, [items]);
    await test.db.query("INSERT INTO item VALUES ('kept')");
    const digits = createHash('sha256').update(former).digest('hex').slice(0, 12);
    await source('items', {
      '0001_item.sql': "CREATE TABLE item (id text, place text DEFAULT 'here')",
      [`0001_item.from-${digits}.sql`]: "ALTER TABLE item ADD place text DEFAULT 'here'",
      '0002_index.sql': 'CREATE INDEX item_place ON item (place)',
    });
    assert.deepEqual(await migrate(test.db, [items]), ['items/0001_item', 'items/0002_index']);
    assert.deepEqual(await migrate(test.db, [items]), []);
    assert.deepEqual(await test.db.query('SELECT * FROM item'), [{ id: 'kept', place: 'here' }]);
    const fresh = await createTestDatabase([items]);
    assert.deepEqual(await fresh.db.query('SELECT * FROM item'), []);
    await fresh.close();
  });

  it('leaves nothing behind when a file fails', async () => {
    const items = await source('items', {
      '0001_item.sql': 'CREATE TABLE item (id text)',
      '0002_wrong.sql': 'CREATE TABLE other (id text); SELECT 1 / 0',
    });
    await assert.rejects(migrate(test.db, [items]), { code: 'POSTGRES_QUERY_FAILED' });
    assert.deepEqual(await test.db.query("SELECT to_regclass('item') AS item"), [{ item: null }]);
    assert.deepEqual(await test.db.query('SELECT name FROM schema_migration'), []);
  });

  it('applies everything once when several processes migrate at the same time', async () => {
    const items = await source('items', {
      '0001_item.sql': 'CREATE TABLE item (id text); SELECT pg_sleep(0.05)',
      '0002_row.sql': "INSERT INTO item VALUES ('a')",
    });
    const others = [1, 2, 3].map(() =>
      createDatabase({ uri: test.uri, applicationName: 'migrator', maxConnections: 1 }),
    );
    const applied = await Promise.all(others.map((db) => migrate(db, [items])));
    for (const db of others) await db.close();
    assert.deepEqual(applied.map((names) => names.length).sort(), [0, 0, 2]);
    assert.equal((await test.db.query('SELECT * FROM item')).length, 1);
  });
});
