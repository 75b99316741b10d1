import assert from 'node:assert/strict';
import { it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { createDatabase } from '@flotilla/postgres';
import { createRig } from './rig.ts';

const SAGAS = 40;

/** Statements are planned once for each connection, in a new service on empty tables; they must suit full ones, too. */
it('records a step without reading the history, planned when there was none', async (t) => {
  const rig = await createRig();
  t.after(() => rig.close());
  // An ANALYZE in between would plan anew: rightly as a scan while the table is one page, and again when it has grown.
  await rig.db.query('ALTER TABLE saga_step SET (autovacuum_enabled = false)');
  const db = createDatabase({ uri: rig.uri, applicationName: 'test-engine', acquireTimeoutMs: 30_000 });
  const engine = rig.engine({ db });
  for (let n = 0; n < SAGAS; n += 1) await rig.end(engine, await rig.start(engine));
  await rig.closeEngines();
  await db.close(); // a connection reports when it ends; an idle one does after ten seconds
  const read = await eventually('the server has counted', async () => {
    const [table] = await rig.db.query<{ updates: number; read: number }>(
      `SELECT n_tup_upd::int AS updates, seq_tup_read::int AS read FROM pg_stat_user_tables
         WHERE relname = 'saga_step'`,
    );
    return table !== undefined && table.updates >= 4 * SAGAS && { rows: table.read };
  });
  // Reading all of it each time would be some 12,000 rows.
  assert.ok(read.rows < 1_000, `${read.rows} rows were read one after the other`);
});
