import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isPlatformError } from '@flotilla/kernel';
import { createDatabase, type Database } from './database.ts';
import { isOwnSession } from './session.ts';
import { createTestDatabase, type TestDatabase } from './testing/index.ts';
import { hasPooler, startTestPooler, type TestPooler } from './testing/pooler.ts';

const skip = hasPooler() ? false : 'pgbouncer is not installed';

describe('a database behind a pooler in transaction mode', { skip }, () => {
  let test: TestDatabase;
  let pooler: TestPooler;
  let uri: string;
  const opened: Database[] = [];
  before(async () => {
    test = await createTestDatabase();
    pooler = await startTestPooler(test.adminUri);
    uri = pooler.uri(new URL(test.uri).pathname.slice(1));
    await test.db.query('CREATE TABLE item (id integer PRIMARY KEY)');
  });
  after(async () => {
    for (const db of opened) await db.close();
    await pooler.close();
    await test.close();
  });

  function open(options: { readonly statementTimeoutMs?: number } = {}): Database {
    const db = createDatabase({ uri, applicationName: 'pooled', acquireTimeoutMs: 60_000, ...options });
    opened.push(db);
    return db;
  }

  it('is recognised as one, and the server itself is not', async () => {
    for (const [db, isOwn] of [
      [open(), false],
      [test.db, true],
    ] as const) {
      const client = await db.connect();
      assert.equal(await isOwnSession(client), isOwn);
      await client.end();
    }
  });

  it('runs statements and transactions of many connections in few sessions', async () => {
    const [one, other] = [open(), open()];
    const insert = (db: Database, id: number) =>
      db.transaction(async (tx) => {
        await tx.query('INSERT INTO item VALUES ($1)', [id]);
        const [row] = await tx.query<{ id: number }>('SELECT id FROM item WHERE id = $1', [id]);
        assert.equal(row?.id, id);
      });
    await Promise.all(Array.from({ length: 60 }, (_, id) => insert(id % 2 === 0 ? one : other, id)));
    const rows = await Promise.all(
      Array.from({ length: 30 }, () =>
        other.query<{ count: number }>('SELECT count(*)::integer FROM item', []),
      ),
    );
    assert.ok(rows.every(([row]) => row?.count === 60));
    await assert.rejects(insert(one, 1), { code: 'POSTGRES_UNIQUE_VIOLATION' });
    await assert.rejects(one.query('INSERT INTO item VALUES ($1)', [1]), {
      code: 'POSTGRES_UNIQUE_VIOLATION',
    });
  });

  it('has its limits in each transaction and leaves none behind', async () => {
    const slow = open({ statementTimeoutMs: 50 });
    for (const work of [
      () => slow.query('SELECT pg_sleep($1)', [60]),
      () => slow.transaction((tx) => tx.query('SELECT pg_sleep($1)', [60])),
    ])
      await assert.rejects(
        work(),
        (error) => isPlatformError(error) && error.code === 'POSTGRES_TIMEOUT' && error.retryable,
      );
    const [, idle] = await slow.transaction(async (tx) => [
      await tx.query('SELECT 1', []),
      await tx.query('SHOW idle_in_transaction_session_timeout', []),
    ]);
    assert.deepEqual(idle, [{ idle_in_transaction_session_timeout: '30s' }]);
    const sessions = await Promise.all(
      Array.from({ length: 12 }, () => slow.query<{ statement_timeout: string }>('SHOW statement_timeout')),
    );
    assert.deepEqual([...new Set(sessions.map(([row]) => row?.statement_timeout))], ['0']);
  });
});
