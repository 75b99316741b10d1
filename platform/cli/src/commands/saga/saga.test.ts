import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it, type TestContext } from 'node:test';
import { uuidv7 } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { sagaMigrations } from '@flotilla/saga';
import { openSagaDesk } from '@flotilla/saga/desk';
import { runAction } from './saga-action.ts';

let database: TestDatabase;

before(async () => {
  database = await createTestDatabase([sagaMigrations]);
});

after(() => database.close());

async function seed(status: string): Promise<string> {
  const id = randomUUID();
  await database.db.query(
    `INSERT INTO saga_instance (id, type, def_version, status, data, step, pivot_started, deadline_at)
     VALUES ($1, 'place-order', 1, $2, '{"orderId":"o1"}', 'charge', false, now())`,
    [id, status],
  );
  await database.db.query(
    `INSERT INTO saga_step (saga_id, step, kind, command_id, error_code, error_message)
     VALUES ($1, 'charge', 'do', $2, 'DECLINED', 'no money')`,
    [id, randomUUID()],
  );
  return id;
}

/** Runs a command line against the database; resolves with what it printed and its exit code. */
async function run(
  t: TestContext,
  [action = '', ...positionals]: readonly string[],
  values: Record<string, string | boolean> = {},
) {
  const printed: string[] = [];
  const log = t.mock.method(console, 'log', (line: string) => printed.push(line));
  const desk = openSagaDesk(database.db, uuidv7);
  try {
    const exitCode = await runAction(desk, action, { positionals, values, cwd: '/', env: {} });
    return { exitCode, output: printed.join('\n') };
  } finally {
    log.mock.restore();
  }
}

describe('flotilla saga', () => {
  it('lists stuck sagas first, with the reason', async (t) => {
    const running = await seed('running');
    const stuck = await seed('stuck');
    const { exitCode, output } = await run(t, ['list', 'order']);
    assert.equal(exitCode, 0);
    const lines = output.split('\n');
    assert.match(
      lines[1] ?? '',
      new RegExp(`^${stuck}  place-order@1  stuck +do charge  1 +DECLINED: no money`),
    );
    assert.ok(lines.some((line) => line.startsWith(running)));
    const json = await run(t, ['list', 'order'], { json: true, status: 'stuck' });
    assert.deepEqual(
      (JSON.parse(json.output) as { id: string }[]).map(({ id }) => id),
      [stuck],
    );
  });

  it('shows one saga with its whole history', async (t) => {
    const id = await seed('stuck');
    const { output } = await run(t, ['show', 'order', id]);
    assert.match(output, /^saga +[0-9a-f-]{36}\ntype +place-order, version 1\nstatus +stuck/);
    assert.match(output, /data {2}\{"orderId":"o1"\}/);
    assert.match(output, /do charge {2}call +open +0 .* DECLINED: no money/);
  });

  it('asks the engine of the service, and says what became of it', async (t) => {
    const id = await seed('stuck');
    const values = { by: 'ann', reason: 'paid by hand', result: '{"paymentId":"p1"}' };
    const asked = run(t, ['skip', 'order', id], values);
    const [request] = await eventually('it is asked for', async () => {
      const rows = await database.db.query<{ id: string; arguments: object; operator: string }>(
        'SELECT id, arguments, operator, expected_version FROM saga_operation WHERE saga_id = $1',
        [id],
      );
      return rows.length > 0 && rows;
    });
    assert.deepEqual(
      { ...request, id: '' },
      { id: '', arguments: { result: { paymentId: 'p1' } }, operator: 'ann', expected_version: 1 },
    );
    const outcome = { ok: true, status: 'running', step: 'ship', changes: 2 };
    await database.db.query('UPDATE saga_operation SET outcome = $2, settled_at = now() WHERE id = $1', [
      request?.id ?? '',
      outcome,
    ]);
    assert.deepEqual(await asked, { exitCode: 0, output: `skip done: saga ${id} is running at ship` });
  });

  it('exits with 1 when the engine refuses, and says why', async (t) => {
    const id = await seed('stuck');
    const asked = run(t, ['retry', 'order', id], { reason: 'again' });
    const refusal = { code: 'in-progress', message: 'an engine works on it' };
    await eventually('it is answered', async () => {
      const rows = await database.db.query(
        'UPDATE saga_operation SET outcome = $2, settled_at = now() WHERE saga_id = $1 RETURNING id',
        [id, { ok: false, refusal }],
      );
      return rows.length === 1;
    });
    assert.deepEqual(await asked, {
      exitCode: 1,
      output: 'retry refused (in-progress): an engine works on it',
    });
  });

  it('shows the messages that wait for their saga', async (t) => {
    await database.db.query(
      `INSERT INTO saga_message (message_id, saga_type, state, note, key, message)
       VALUES ($1, 'place-order', 'parked', 'no saga has this key', 'o9', '{"type":"order.amended.v1","data":{}}')`,
      [randomUUID()],
    );
    const { output } = await run(t, ['parked', 'order']);
    assert.match(output, /order\.amended\.v1 {2}o9 +no saga has this key/);
  });

  it('refuses what it does not understand', async (t) => {
    const id = await seed('running');
    await assert.rejects(run(t, ['retry', 'order', id]), /give --reason/);
    await assert.rejects(run(t, ['edit', 'order', id], { reason: 'x', data: '{' }), /--data must be JSON/);
    await assert.rejects(run(t, ['edit', 'order', id], { reason: 'x', data: '3' }), /must be a JSON object/);
    await assert.rejects(run(t, ['migrate', 'order', id], { reason: 'x' }), /needs --to/);
    await assert.rejects(run(t, ['show', 'order', 'nonsense']), /name a saga by its id/);
    await assert.rejects(run(t, ['show', 'order', randomUUID()]), { code: 'CLI_NOT_FOUND' });
  });
});
