import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { createManualClock, eventually } from '@flotilla/kernel/testing';
import { createDatabase } from '@flotilla/postgres';
import { LOOP_AFTER } from '../processes/restart-policy.ts';
import type { UnitEvent } from '../processes/supervised-process.ts';
import { createSystemUnits } from '../processes/system-units.ts';
import { createEmbeddedServer } from './launch-postgres.ts';

const run = promisify(execFile);

/**
 * From now on nothing that this process starts can write a file beyond that: to PostgreSQL, whose log of changes has files of
 * 16 MiB, it is a disk that is full. `undefined`: there is room again.
 */
async function limitFiles(bytes: number | undefined): Promise<void> {
  await run('prlimit', ['--pid', String(process.pid), `--fsize=${bytes ?? 'unlimited'}:`]);
}

/** The server as a system runs it, with a clock of the test. */
async function startServer(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-full-'));
  await chmod(folder, 0o755); // the server does not run as root
  const server = createEmbeddedServer({
    dataDir: join(folder, 'data'),
    logFile: join(folder, 'postgres.log'),
  });
  const clock = createManualClock();
  const events: UnitEvent[] = [];
  const units = createSystemUnits(
    {
      system: { name: 'test', services: {} },
      root: folder,
      logFolder: folder,
      environment: () => ({}),
      launchPostgres: server.launch,
      clock,
    },
    (_unit, event) => events.push(event),
  );
  const [unit] = units.postgres;
  assert.ok(unit);
  t.after(async () => {
    await unit.stop();
    unit.log.close();
    await rm(folder, { recursive: true });
  });
  const query = async (sql: string) => {
    const db = createDatabase({ uri: server.adminUri(), applicationName: 'test', maxConnections: 1 });
    try {
      return await db.query<{ id: number }>(sql);
    } finally {
      await db.close();
    }
  };
  return { unit, clock, events, query };
}

it('PostgreSQL whose disk is full is tried until there is room, and has everything that was committed', {
  skip: platform() !== 'linux' && 'only Linux limits what runs already',
}, async (t) => {
  const { unit, clock, events, query } = await startServer(t);
  assert.equal(await unit.start(), true);
  await query('CREATE TABLE kept (id int PRIMARY KEY)');
  await unit.stop();
  t.after(() => limitFiles(undefined));
  await limitFiles(8 * 1_048_576);
  assert.equal(await unit.start(), true, 'as long as it needs no other file it works');

  const committed: number[] = [];
  const writeUntilFull = async () => {
    for (;;) {
      await query(`INSERT INTO kept VALUES (${committed.length})`);
      committed.push(committed.length);
      await query("SELECT pg_logical_emit_message(true, 'filler', repeat('x', 100000))");
    }
  };
  await assert.rejects(writeUntilFull(), { code: 'POSTGRES_UNAVAILABLE' });
  assert.ok(committed.length > 0);
  const crashes = () => events.filter(({ type }) => type === 'crashed').length;
  for (let ends = 1; ends <= LOOP_AFTER; ends += 1) {
    await eventually('it has ended', () => crashes() === ends && unit.status().state === 'Restarting');
    if (ends === LOOP_AFTER) break; // any other unit would have been given up
    await clock.advance(10_000);
  }
  await limitFiles(undefined);
  await clock.advance(10_000);
  await eventually('it runs', () => unit.status().state === 'Running');
  const kept = (await query('SELECT id FROM kept ORDER BY id')).map(({ id }) => id);
  assert.deepEqual(kept.slice(0, committed.length), committed);
  assert.equal(events.at(-1)?.type, 'ready');
});
