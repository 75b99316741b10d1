import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { bffMigrations } from '../src/migrations.ts';
import { createReplica, signedIn } from './crash-rig.ts';

const FIXTURE = fileURLToPath(new URL('./crash.fixture.ts', import.meta.url));

describe('a process that is killed between two effects', () => {
  let database: TestDatabase;
  before(async () => {
    database = await createTestDatabase([bffMigrations]);
  });
  after(() => database?.close());
  beforeEach(() => database.db.query('DELETE FROM bff_session'));

  async function crash(crashAt: string, deed: string, id = ''): Promise<void> {
    const child = spawn(process.execPath, [FIXTURE, database.uri, crashAt, deed, id], { stdio: 'inherit' });
    const [, signal] = await once(child, 'exit', { signal: AbortSignal.timeout(300_000) });
    assert.equal(signal, 'SIGKILL', `the process did not reach ${crashAt}`);
  }

  const rows = async () => (await database.db.query('SELECT FROM bff_session')).length;

  for (const [point, left] of [
    ['bff.before-begin', 0],
    ['bff.after-begin', 1],
  ] as const)
    it(`at ${point} leaves a whole session, which nobody knows the id of, or none`, async () => {
      await crash(point, 'begin');
      assert.equal(await rows(), left);
      await createReplica(database.db).sessions.endOf({ subject: 'alice' });
      assert.equal(await rows(), 0);
    });

  for (const [point, asked] of [
    ['bff.before-exchange', ['refresh 0']],
    ['bff.before-tokens-commit', ['refresh 0']],
    ['bff.after-tokens-commit', []],
  ] as const)
    it(`at ${point} leaves a session that goes on with the next tokens, and no lock`, async () => {
      const id = await signedIn(createReplica(database.db).sessions);
      await crash(point, 'renew', id);
      const successor = createReplica(database.db);
      assert.equal(await successor.serve(id), 'access 1');
      assert.deepEqual(successor.asked, asked);
    });

  for (const [point, deed, left] of [
    ['bff.before-end', 'end', 1],
    ['bff.after-end', 'end', 0],
    ['bff.before-end-of', 'end-of', 1],
    ['bff.after-end-of', 'end-of', 0],
  ] as const)
    it(`at ${point} has ended the session, or whoever asks again does`, async () => {
      const id = await signedIn(createReplica(database.db).sessions);
      await crash(point, deed, id);
      assert.equal(await rows(), left);
      const { sessions } = createReplica(database.db);
      if (deed === 'end') await sessions.end(id);
      else await sessions.endOf({ issuerSession: 'sid' });
      assert.equal(await sessions.find(id), undefined);
      assert.equal(await rows(), 0);
    });
});
