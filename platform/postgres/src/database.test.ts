import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { isPlatformError, PlatformError } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { createDatabase } from './database.ts';
import { withDeadline } from './deadline.ts';
import type { PostgresErrorCode } from './errors.ts';
import { createTestDatabase, type TestDatabase } from './testing/index.ts';
import type { DeferredRows, Transaction } from './transaction.ts';

function failsWith(code: PostgresErrorCode, retryable: boolean) {
  return (error: unknown) => isPlatformError(error) && error.code === code && error.retryable === retryable;
}

describe('a database', () => {
  let test: TestDatabase;
  before(async () => {
    test = await createTestDatabase();
    await test.db.query(
      'CREATE TABLE item (id text PRIMARY KEY, quantity int NOT NULL CHECK (quantity >= 0))',
    );
  });
  beforeEach(() => test.db.query('TRUNCATE item'));
  after(() => test.close());

  const insert = (id: string, quantity = 1) =>
    test.db.query('INSERT INTO item VALUES ($1, $2)', [id, quantity]);
  const ids = async () =>
    (await test.db.query<{ id: string }>('SELECT id FROM item ORDER BY id')).map((row) => row.id);

  it('commits what a transaction did', async () => {
    const result = await test.db.transaction(async (tx) => {
      await tx.query("INSERT INTO item VALUES ('a', 1)");
      return 'done';
    });
    assert.equal(result, 'done');
    assert.deepEqual(await ids(), ['a']);
  });

  it('rolls back and rethrows what the work threw', async () => {
    const fault = new Error('no');
    const work = test.db.transaction(async (tx) => {
      await tx.query("INSERT INTO item VALUES ('a', 1)");
      throw fault;
    });
    await assert.rejects(work, (error) => error === fault);
    assert.deepEqual(await ids(), []);
  });

  it('does not pass off a transaction as committed in which a statement had failed', async () => {
    await insert('a');
    const work = test.db.transaction(async (tx) => {
      await tx.query("INSERT INTO item VALUES ('b', 1)");
      await tx.query("INSERT INTO item VALUES ('a', 1)").catch(() => undefined);
    });
    await assert.rejects(work, failsWith('POSTGRES_QUERY_FAILED', false));
    assert.deepEqual(await ids(), ['a']);
  });

  it('begins with the first statement, whatever that is, and not without any', async () => {
    assert.equal(await test.db.transaction(async () => 'nothing'), 'nothing');
    for (const first of [
      (tx: Transaction) => tx.query("INSERT INTO item VALUES ('a', 1)"),
      (tx: Transaction) => tx.query('INSERT INTO item VALUES ($1, 1)', ['a']),
      (tx: Transaction) => tx.savepoint(() => tx.query("INSERT INTO item VALUES ('a', 1)")),
      async (tx: Transaction) => tx.defer(ITEMS, 'a'),
    ]) {
      const work = test.db.transaction(async (tx) => {
        await first(tx);
        tx.defer(ITEMS, 'b');
        tx.defer(OTHER_ITEMS, 'b'); // fails: all of it is one transaction
      });
      await assert.rejects(work, failsWith('POSTGRES_UNIQUE_VIOLATION', false));
      assert.deepEqual(await ids(), []);
    }
    await test.db.transaction(async (tx) => tx.defer(ITEMS, 'a'));
    assert.deepEqual(await ids(), ['a']);
  });

  it('gives the rows of a first statement that returns some', async () => {
    const rows = await test.db.transaction((tx) => tx.query('SELECT $1::int AS n UNION ALL SELECT 2', [1]));
    assert.deepEqual(rows, [{ n: 1 }, { n: 2 }]);
  });

  it('runs nothing after its end of what nobody waited for', async () => {
    for (const first of ["INSERT INTO item VALUES ('a', 1)", 'SELECT 1']) {
      let sent: Promise<unknown> | undefined;
      const work = test.db.transaction(async (tx) => {
        sent = Promise.allSettled([tx.query(first, []), tx.query("INSERT INTO item VALUES ('b', 1)", [])]);
        throw new Error('no');
      });
      await assert.rejects(work, { message: 'no' });
      await sent;
      assert.deepEqual(await ids(), []);
    }
    const late = await test.db.transaction(async (tx) => tx);
    const refused = failsWith('POSTGRES_QUERY_FAILED', false);
    await assert.rejects(late.query('SELECT 1', []), refused);
    await assert.rejects(
      late.savepoint(async () => undefined),
      refused,
    );
    assert.throws(() => late.defer(ITEMS, 'never written'), refused);
    assert.throws(() => late.afterCommit(() => assert.fail('never told')), refused);
  });

  it('stops waiting for work that takes too long, and runs nothing of it afterwards', async () => {
    const goOn = Promise.withResolvers<void>();
    const late = Promise.withResolvers<unknown>();
    const reason = new Error('too slow for us');
    const work = test.db.transaction((tx) =>
      withDeadline(tx, { timeoutMs: 20, reason: () => reason }, async () => {
        await tx.query("INSERT INTO item VALUES ('a', 1)");
        await goOn.promise;
        const sent = tx.savepoint(() => tx.query("INSERT INTO item VALUES ('b', 1)"));
        late.resolve(sent.catch((error: unknown) => error));
      }),
    );
    await assert.rejects(work, reason);
    goOn.resolve();
    assert.ok(failsWith('POSTGRES_QUERY_FAILED', false)(await late.promise));
    assert.deepEqual(await ids(), []);
  });

  it('keeps the order of statements that are sent side by side', async () => {
    await test.db.transaction((tx) =>
      Promise.all([
        tx.query("INSERT INTO item VALUES ('a', 1)"),
        tx.query("UPDATE item SET quantity = 2 WHERE id = 'a'"),
      ]),
    );
    assert.deepEqual(await test.db.query('SELECT quantity FROM item', []), [{ quantity: 2 }]);
  });

  it('runs nothing when the transaction could not begin', async () => {
    const single = createDatabase({ uri: test.uri, applicationName: 'single', maxConnections: 1 });
    try {
      await single.query('DEALLOCATE begin'); // BEGIN fails, and what follows would not
      for (const work of [
        async (tx: Transaction): Promise<unknown> =>
          Promise.allSettled(['a', 'b'].map((id) => tx.query('INSERT INTO item VALUES ($1, 1)', [id]))),
        async (tx: Transaction): Promise<unknown> => tx.defer(ITEMS, 'a'),
      ])
        await assert.rejects(single.transaction(work), failsWith('POSTGRES_QUERY_FAILED', false));
      assert.deepEqual(await ids(), []);
    } finally {
      await single.close();
    }
  });

  const OTHER_ITEMS: DeferredRows<string> = {
    statementFor: (rows) => ITEMS.statementFor(rows),
  };

  const ITEMS: DeferredRows<string> = {
    statementFor: (rows) => ({
      sql: 'INSERT INTO item SELECT name, 1 FROM unnest($1::text[]) AS name',
      values: [rows],
    }),
  };

  it('writes deferred rows with the commit, all of one kind in one statement', async () => {
    const statements: number[] = [];
    const counted: DeferredRows<string> = {
      statementFor: (rows) => {
        statements.push(rows.length);
        return ITEMS.statementFor(rows);
      },
    };
    await test.db.transaction(async (tx) => {
      tx.defer(counted, 'a');
      tx.defer(counted, 'b');
      assert.deepEqual(await tx.query('SELECT id FROM item'), [], 'not before the end');
    });
    assert.deepEqual(await ids(), ['a', 'b']);
    assert.deepEqual(statements, [2]);
  });

  it('forgets deferred rows of a savepoint that failed, and of work that threw', async () => {
    await test.db.transaction(async (tx) => {
      tx.defer(ITEMS, 'a');
      await assert.rejects(
        tx.savepoint(async () => {
          tx.defer(ITEMS, 'b');
          throw new Error('no');
        }),
      );
    });
    await assert.rejects(
      test.db.transaction(async (tx) => {
        tx.defer(ITEMS, 'c');
        throw new Error('no');
      }),
    );
    assert.deepEqual(await ids(), ['a']);
  });

  it('fails with the reason when a deferred row cannot be written, and keeps nothing', async () => {
    await insert('a');
    const work = test.db.transaction(async (tx) => {
      await tx.query("INSERT INTO item VALUES ('b', 1)");
      tx.defer(ITEMS, 'a');
    });
    await assert.rejects(work, failsWith('POSTGRES_UNIQUE_VIOLATION', false));
    assert.deepEqual(await ids(), ['a']);
    await insert('c'); // the connection is as good as before
  });

  it('rolls back only the savepoint that failed', async () => {
    await test.db.transaction(async (tx) => {
      await tx.query("INSERT INTO item VALUES ('a', 1)");
      const inner = tx.savepoint(async () => {
        await tx.query("INSERT INTO item VALUES ('b', 1)");
        await tx.query("INSERT INTO item VALUES ('a', 1)");
      });
      await assert.rejects(inner, failsWith('POSTGRES_UNIQUE_VIOLATION', false));
      await tx.savepoint(() => tx.query("INSERT INTO item VALUES ('c', 1)"));
    });
    assert.deepEqual(await ids(), ['a', 'c']);
  });

  it('gives hints after the commit, and none after a rollback', async () => {
    const seen: (readonly string[])[] = [];
    const hint = () => void ids().then((found) => seen.push(found));
    await test.db.transaction(async (tx) => {
      tx.afterCommit(() => seen.push(['hinted']));
      await tx.query("INSERT INTO item VALUES ('a', 1)");
      assert.deepEqual(seen, []);
    });
    assert.deepEqual(seen, [['hinted']]);
    const failing = test.db.transaction(async (tx) => {
      tx.afterCommit(hint);
      await tx.query("INSERT INTO item VALUES ('a', 1)");
    });
    await assert.rejects(failing);
    assert.deepEqual(seen, [['hinted']]);
  });

  it('runs a transaction again that lost a serialization conflict', async () => {
    await insert('a', 0);
    const bothHaveRead = Promise.withResolvers<void>();
    let passes = 0;
    const increment = () =>
      test.db.transaction(async (tx) => {
        await tx.query('SET TRANSACTION ISOLATION LEVEL SERIALIZABLE');
        const [row] = await tx.query<{ quantity: number }>("SELECT quantity FROM item WHERE id = 'a'");
        passes += 1;
        if (passes === 2) bothHaveRead.resolve();
        await bothHaveRead.promise;
        await tx.query("UPDATE item SET quantity = $1 WHERE id = 'a'", [(row?.quantity ?? 0) + 1]);
      });
    await Promise.all([increment(), increment()]);
    const [row] = await test.db.query<{ quantity: number }>("SELECT quantity FROM item WHERE id = 'a'");
    assert.equal(row?.quantity, 2);
    assert.equal(passes, 3);
  });

  it('runs a transaction again when its error says that only another one can succeed', async () => {
    let passes = 0;
    const fail = () => new PlatformError('TEST', 'too early', { details: { rerun: 'transaction' } });
    await test.db.transaction(async (tx) => {
      await tx.query("INSERT INTO item VALUES ('a', 1)");
      passes += 1;
      if (passes < 3) throw fail();
    });
    assert.equal(passes, 3);
    assert.deepEqual(await ids(), ['a']);
    await assert.rejects(
      test.db.transaction(() => Promise.reject(fail())),
      /too early/,
    );
  });

  it('names the constraint that refused a row', async () => {
    await insert('a');
    await assert.rejects(insert('a'), (error) => {
      assert.ok(failsWith('POSTGRES_UNIQUE_VIOLATION', false)(error));
      assert.ok(isPlatformError(error) && error.details['constraint'] === 'item_pkey');
      return true;
    });
    await assert.rejects(insert('b', -1), failsWith('POSTGRES_CHECK_VIOLATION', false));
  });

  it('says that its pool is exhausted', async () => {
    const small = createDatabase({
      uri: test.uri,
      applicationName: 'small',
      maxConnections: 1,
      acquireTimeoutMs: 500,
    });
    try {
      await eventually('it has its connection', () => small.query('SELECT 1'));
      await small.transaction(async () => {
        await assert.rejects(small.query('SELECT 1'), failsWith('POSTGRES_POOL_EXHAUSTED', true));
      });
      assert.deepEqual(await small.query('SELECT 1 AS one'), [{ one: 1 }]);
    } finally {
      await small.close();
    }
  });

  it('says that the server is unavailable', async () => {
    const uri = new URL(test.uri);
    uri.port = '1';
    const away = createDatabase({ uri: uri.href, applicationName: 'away' });
    await assert.rejects(away.query('SELECT 1'), failsWith('POSTGRES_UNAVAILABLE', true));
    await assert.rejects(
      away.transaction(async () => 1),
      failsWith('POSTGRES_UNAVAILABLE', true),
    );
    await away.close();
  });

  it('survives the loss of its connections', async () => {
    const idleErrors: Error[] = [];
    const shaken = createDatabase({
      uri: test.uri,
      applicationName: 'shaken',
      onIdleError: (error) => idleErrors.push(error),
    });
    try {
      await shaken.query('SELECT 1');
      const cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'shaken'";
      await test.db.query(cut);
      await assert.rejects(
        shaken.transaction(async (tx) => {
          await tx.query('SELECT 1');
          await test.db.query(cut);
          await tx.query('SELECT 2');
        }),
        failsWith('POSTGRES_UNAVAILABLE', true),
      );
      assert.deepEqual(await shaken.query('SELECT 1 AS one'), [{ one: 1 }]);
    } finally {
      await shaken.close();
    }
  });

  it('survives the loss of connections that pass from one waiter to the next', async () => {
    const busy = createDatabase({ uri: test.uri, applicationName: 'busy', maxConnections: 2 });
    let lost = 0;
    const until = performance.now() + 1_000;
    const work = async (query: () => Promise<unknown>) => {
      while (performance.now() < until || lost === 0) {
        await query().catch((error: unknown) => {
          assert.ok(failsWith('POSTGRES_UNAVAILABLE', true)(error), String(error));
          lost += 1;
        });
      }
    };
    const workers = Array.from({ length: 20 }, (_, index) =>
      work(() => (index % 2 ? busy.query('SELECT 1') : busy.transaction((tx) => tx.query('SELECT 1')))),
    );
    await work(() =>
      test.db.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'busy'"),
    );
    await Promise.all(workers);
    await busy.close();
  });

  it('runs transactions at READ COMMITTED and reads ISO dates, whatever the database has set', async () => {
    const other = await createTestDatabase();
    const name = new URL(other.uri).pathname.slice(1);
    for (const setting of [
      "default_transaction_isolation TO 'serializable'",
      "DateStyle TO 'SQL, DMY'",
      "IntervalStyle TO 'sql_standard'",
    ])
      await other.db.query(`ALTER DATABASE ${name} SET ${setting}`);
    const db = createDatabase({ uri: other.uri, applicationName: 'test' });
    try {
      const ask = (tx: Transaction) => tx.query('SHOW transaction_isolation', []);
      const isolation = [{ transaction_isolation: 'read committed' }];
      assert.deepEqual(await db.transaction(ask), isolation);
      assert.deepEqual(await db.transaction((tx) => tx.query('SHOW transaction_isolation')), isolation);
      const [row] = await db.query(
        "SELECT '2026-02-01T03:04:05Z'::timestamptz AS at, '1 day'::interval AS span",
        [],
      );
      assert.deepEqual(row?.['at'], new Date('2026-02-01T03:04:05Z'));
      assert.equal(String((row?.['span'] as { readonly days: number } | undefined)?.days), '1');
    } finally {
      await db.close();
      await other.close();
    }
  });

  it('gives up a connection whose server takes no writes, and writes through the next one', async () => {
    const db = createDatabase({ uri: test.uri, applicationName: 'test', maxConnections: 1 });
    const insertion = (id: string) => db.query('INSERT INTO item VALUES ($1, 1)', [id]);
    try {
      // As a server is that was the primary before: nothing but what it answers tells.
      await db.query('SET default_transaction_read_only = on');
      await assert.rejects(insertion('a'), failsWith('POSTGRES_UNAVAILABLE', true));
      await insertion('a');
      await db.query('SET default_transaction_read_only = on');
      const inTransaction = (id: string) =>
        db.transaction((tx) => tx.query('INSERT INTO item VALUES ($1, 1)', [id]));
      await assert.rejects(inTransaction('b'), failsWith('POSTGRES_UNAVAILABLE', true));
      await inTransaction('b');
      assert.deepEqual(await ids(), ['a', 'b']);
    } finally {
      await db.close();
    }
  });

  it('leaves no statement running that it gave up for time, however many callers there are', async () => {
    const db = createDatabase({
      ...{ uri: test.uri, applicationName: 'given-up', maxConnections: 2 },
      ...{ statementTimeoutMs: 100, acquireTimeoutMs: 60_000 },
    });
    try {
      const slow = Array.from({ length: 6 }, () => db.query('SELECT pg_sleep($1)', [60]));
      for (const outcome of await Promise.allSettled(slow))
        assert.ok(outcome.status === 'rejected' && failsWith('POSTGRES_TIMEOUT', true)(outcome.reason));
      const running = await test.db.query(
        "SELECT FROM pg_stat_activity WHERE application_name = 'given-up' AND state <> 'idle'",
      );
      assert.deepEqual(running, []);
    } finally {
      await db.close();
    }
  });

  it('keeps what a transaction set for itself out of the next one', async () => {
    const db = createDatabase({ uri: test.uri, applicationName: 'test', maxConnections: 1 });
    try {
      const limits = () =>
        db.query(
          "SELECT current_setting('lock_timeout') AS lock, current_setting('statement_timeout') AS time",
          [],
        );
      const before = await limits();
      await db.transaction((tx) => tx.query("SELECT set_config('lock_timeout', '1ms', true)", []));
      await assert.rejects(
        db.transaction(async (tx) => {
          await tx.query("SELECT set_config('statement_timeout', '1h', true)", []);
          throw new Error('no');
        }),
      );
      assert.deepEqual(await limits(), before);
      assert.deepEqual(before, [{ lock: '0', time: '10s' }]);
    } finally {
      await db.close();
    }
  });

  it('cancels a statement that takes too long', async () => {
    const hasty = createDatabase({ uri: test.uri, applicationName: 'hasty', statementTimeoutMs: 50 });
    await assert.rejects(hasty.query('SELECT pg_sleep(10)'));
    await hasty.close();
  });
});
