import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Acting } from './acting.ts';
import { createDatabase, type Database } from './database.ts';
import { createTestDatabase, type TestDatabase } from './testing/index.ts';
import { hasPooler, startTestPooler } from './testing/pooler.ts';

const alice = { subject: 'alice', tenantId: 'acme' };
const bob = { subject: 'bob' };

interface Item {
  readonly owner_id: string;
  readonly n: number;
}

describe('work in the name of somebody', () => {
  let test: TestDatabase;
  let db: Database;
  let acting: Acting | undefined;
  before(async () => {
    test = await createTestDatabase();
    await test.db.query(`
      CREATE TABLE item (owner_id text NOT NULL, tenant_id text, n integer NOT NULL);
      ALTER TABLE item ENABLE ROW LEVEL SECURITY;
      CREATE POLICY acting ON item USING (
        coalesce(current_setting('flotilla.acting_for', true), '') IN ('', 'user:' || owner_id));
      INSERT INTO item VALUES ('alice', 'acme', 1), ('alice', 'acme', 2), ('bob', NULL, 3)`);
    db = await test.asService(() => acting);
  });
  after(() => test.close());

  async function as<T>(who: Acting | undefined, work: () => Promise<T>): Promise<T> {
    acting = who;
    return await work().finally(() => {
      acting = undefined;
    });
  }
  const numbers = async (on: Pick<Database, 'query'>, values?: []) =>
    (await on.query<Item>('SELECT n FROM item ORDER BY n', values)).map(({ n }) => n);

  it('shows the rows of its owner, without a word in the statement', async () => {
    for (const values of [undefined, []] as const) {
      const seen = (who: Acting | undefined) => as(who, () => numbers(db, values && []));
      assert.deepEqual(await seen(alice), [1, 2]);
      assert.deepEqual(await seen(bob), [3]);
      assert.deepEqual(await seen('nobody'), []);
      assert.deepEqual(await seen({ subject: "x' OR '1'='1" }), []);
      assert.deepEqual(await seen(undefined), [1, 2, 3]);
    }
  });

  it('does so in a transaction, however it begins, and at its end no longer', async () => {
    const beginnings: readonly ((tx: Pick<Database, 'query'>) => Promise<unknown>)[] = [
      async (tx) => await tx.query('SELECT $1::integer', [1]),
      async (tx) => await tx.query('SELECT 1'),
      async () => undefined,
    ];
    for (const begin of beginnings) {
      const inside = (who: Acting | undefined) =>
        as(who, () =>
          db.transaction(async (tx) => {
            await begin(tx);
            return await numbers(tx, []);
          }),
        );
      assert.deepEqual(await inside(alice), [1, 2]);
      assert.deepEqual(await inside(undefined), [1, 2, 3]);
      await assert.rejects(as(bob, () => db.transaction((tx) => tx.query('SELECT 1/0', []))));
      assert.deepEqual(await inside(undefined), [1, 2, 3]);
    }
  });

  it('changes and adds no rows of others', async () => {
    await as(bob, async () => {
      assert.deepEqual(await db.query('UPDATE item SET n = n + 100 RETURNING n', []), [{ n: 103 }]);
      assert.deepEqual(await db.query("DELETE FROM item WHERE owner_id = 'alice' RETURNING n", []), []);
      const steal = db.query("INSERT INTO item VALUES ('alice', 'acme', 4)", []);
      await assert.rejects(steal, { code: 'POSTGRES_QUERY_FAILED', message: /row-level security/ });
      await db.transaction(async (tx) => tx.query("INSERT INTO item VALUES ('bob', NULL, 5)", []));
    });
    assert.deepEqual(await numbers(db), [1, 2, 5, 103]);
    await db.query('DELETE FROM item WHERE n = 5', []);
    await db.query('UPDATE item SET n = 3 WHERE n = 103', []);
  });

  it('is not forgotten when the transaction runs again', async () => {
    let runs = 0;
    const seen = await as(alice, () =>
      db.transaction(async (tx) => {
        runs += 1;
        acting = undefined; // whoever asks next is somebody else
        const found = await numbers(tx, []);
        if (runs === 1) await tx.query("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$");
        return found;
      }),
    );
    assert.deepEqual([runs, seen], [2, [1, 2]]);
  });

  it('is told to the server as data', async () => {
    const said =
      "SELECT current_setting('flotilla.acting_for') AS who, current_setting('flotilla.tenant') AS tenant";
    const [row] = await as({ subject: "o'brien\\", tenantId: '$1' }, () => db.query(said));
    assert.deepEqual(row, { who: "user:o'brien\\", tenant: '$1' });
    const [again] = await as({ subject: '$2' }, () => db.transaction((tx) => tx.query(said)));
    assert.deepEqual(again, { who: 'user:$2', tenant: '' });
  });

  it('never leaks into the next use of a connection', async () => {
    const people = [alice, bob, 'nobody', undefined] as const;
    const expected = [[1, 2], [3], [], [1, 2, 3]];
    const rounds = Array.from({ length: 2_000 }, (_, n) => n % people.length);
    let current = 0;
    const interleaved = await test.asService(() => people[current]);
    const use = (n: number) => {
      current = rounds[n] ?? 0;
      return n % 3 === 0 ? interleaved.transaction((tx) => numbers(tx, [])) : numbers(interleaved, []);
    };
    const results: number[][] = [];
    for (let n = 0; n < rounds.length; n += 50)
      results.push(...(await Promise.all(rounds.slice(n, n + 50).map((_who, i) => use(n + i)))));
    results.forEach((numbersSeen, n) => {
      assert.deepEqual(numbersSeen, expected[rounds[n] ?? 0], `use ${n}`);
    });
  });

  it('holds behind a pooler in transaction mode', { skip: !hasPooler() && 'no pgbouncer' }, async () => {
    const pooler = await startTestPooler(test.adminUri);
    const uri = pooler.uri(new URL(test.uri).pathname.slice(1));
    const pooled = createDatabase({
      uri,
      applicationName: 'pooled',
      acquireTimeoutMs: 60_000,
      acting: () => acting,
    });
    const said = "SELECT coalesce(current_setting('flotilla.acting_for', true), '') AS who";
    try {
      for (const values of [undefined, []] as const) {
        assert.deepEqual(await as(alice, () => pooled.query(said, values)), [{ who: 'user:alice' }]);
        const inside = () => pooled.transaction((tx) => tx.query(said, values));
        assert.deepEqual(await as(bob, inside), [{ who: 'user:bob' }]);
        assert.deepEqual(await pooled.query(said, values), [{ who: '' }]);
        assert.deepEqual(await inside(), [{ who: '' }]);
      }
    } finally {
      await pooled.close();
      await pooler.close();
    }
  });
});
