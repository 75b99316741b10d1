import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { breaks, createRig, gate, type Rig } from '../../test/rig.ts';
import { insertOperation } from '../store/operations.ts';

let rig: Rig;

before(async () => {
  rig = await createRig();
});

after(() => rig.close());

const TABLES = ['saga_step', 'saga_attempt', 'saga_audit', 'saga_message'];

/** How many rows there are of a saga in all tables of its history. */
async function historyOf(id: string): Promise<number> {
  const counts = TABLES.map((table) => `(SELECT count(*) FROM ${table} WHERE saga_id = '${id}')`);
  const [row] = await rig.db.query<{ rows: number }>(`SELECT (${counts.join(' + ')})::integer AS rows`);
  return row?.rows ?? 0;
}

describe('housekeeping', () => {
  it('deletes what ended before the retention with its history, and nothing that has not ended (case 33)', async () => {
    const first = rig.engine();
    const ended = await rig.start(first);
    const late = await rig.start(first);
    for (const id of [ended, late]) await rig.end(first, id);
    const c = gate();
    rig.behaviours.set('do c', c.behaviour);
    const inFlight = await rig.start(first);
    await c.entered;
    rig.behaviours.set('do a', breaks);
    const failing = await rig.start(first);
    await eventually('it fails', async () => (await historyOf(failing)) > 1);
    const order = { verb: 'retry', by: 'ann', reason: 'test' } as const;
    const [settled, open] = [randomUUID(), randomUUID()];
    await insertOperation(rig.db, { id: settled, sagaId: ended, order });
    await eventually('it is answered', async () => {
      const rows = await rig.db.query('SELECT FROM saga_operation WHERE settled_at IS NOT NULL');
      return rows.length > 0;
    });
    // Nobody here knows its definition, so nobody answers.
    await rig.db.query("UPDATE saga_instance SET type = 'unknown' WHERE id = $1", [failing]);
    await insertOperation(rig.db, { id: open, sagaId: failing, order });

    await rig.db.query(
      `UPDATE saga_instance SET updated_at = updated_at - interval '1 year',
         ended_at = CASE WHEN id = $1 THEN ended_at ELSE ended_at - interval '1 year' END`,
      [late],
    );
    await rig.db.query(`UPDATE saga_operation SET settled_at = settled_at - interval '1 year'`);
    rig.engine({ retentionMs: 60_000 });
    await eventually('the old one is gone', async () => {
      const rows = await rig.db.query('SELECT FROM saga_instance WHERE id = $1', [ended]);
      return rows.length === 0;
    });
    await eventually('so is the order about it', async () => {
      const rows = await rig.db.query<{ id: string }>('SELECT id FROM saga_operation');
      return rows.length === 1 && rows[0]?.id === open;
    });
    assert.equal(await historyOf(ended), 0);
    const left = await rig.db.query<{ id: string }>('SELECT id FROM saga_instance');
    assert.deepEqual(left.map(({ id }) => id).sort(), [late, inFlight, failing].sort());
    for (const id of [late, inFlight, failing]) assert.ok((await historyOf(id)) > 0);
    c.open();
  });
});
