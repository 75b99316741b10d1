import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { createTestDatabase } from './index.ts';

it('gives tests that ask at the same time a database of their own each, with the schema as it is now', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-testing-'));
  t.after(() => rm(directory, { recursive: true }));
  const source = { name: randomUUID(), directory };
  const write = (sql: string) => writeFile(join(directory, '0001_item.sql'), sql);
  const open = async () => {
    const database = await createTestDatabase([source]);
    t.after(() => database.close());
    return database.db;
  };

  await write('CREATE TABLE item (id int)');
  const several = await Promise.all([open(), open(), open()]);
  for (const [id, db] of several.entries()) await db.query('INSERT INTO item VALUES ($1)', [id]);
  for (const [id, db] of several.entries()) assert.deepEqual(await db.query('SELECT id FROM item'), [{ id }]);

  await write('CREATE TABLE item (id int, what text)');
  assert.deepEqual(await (await open()).query('SELECT what FROM item'), []);

  await write('CREATE TABLE item (');
  await assert.rejects(open(), { code: 'POSTGRES_QUERY_FAILED' });
});
