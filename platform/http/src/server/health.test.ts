import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlatformError } from '@flotilla/kernel';
import { readProblem, startHost } from '../../test/fixture.ts';
import { databaseReadiness } from '../index.ts';

test('live and ready are told apart', async (t) => {
  const down = () => Promise.reject(new PlatformError('POSTGRES_UNAVAILABLE', 'host db-1 refused'));
  const { url } = await startHost(t, {
    handlers: [],
    readiness: { database: down, bus: async () => undefined },
  });
  assert.equal((await fetch(`${url}/health/live`)).status, 200);
  const ready = await fetch(`${url}/health/ready`);
  assert.equal(ready.status, 503);
  const body = await readProblem(ready);
  assert.equal(body.code, 'not-ready');
  assert.deepEqual(body.errors, [{ path: 'database', message: 'POSTGRES_UNAVAILABLE' }]);
  assert.doesNotMatch(JSON.stringify(body), /db-1/);
});

test('ready as soon as every check is', async (t) => {
  let up = false;
  const query = async () => {
    if (!up) throw new Error('no');
  };
  const { url } = await startHost(t, { handlers: [], readiness: { database: databaseReadiness({ query }) } });
  assert.equal((await fetch(`${url}/health/ready`)).status, 503);
  up = true;
  assert.equal((await fetch(`${url}/health/ready`)).status, 200);
});

test('once it was ready one check that fails means nothing, nor one that succeeds again', async (t) => {
  let up = true;
  const query = async () => {
    if (!up) throw new Error('no');
  };
  const { url } = await startHost(t, { handlers: [], readiness: { database: databaseReadiness({ query }) } });
  const statuses: number[] = [];
  for (const next of [true, false, true, true, false, false, true, true]) {
    up = next;
    statuses.push((await fetch(`${url}/health/ready`)).status);
  }
  assert.deepEqual(statuses, [200, 200, 200, 200, 200, 503, 503, 200]);
});

test('a check that does not answer counts as failed after a second', async (t) => {
  const { url } = await startHost(t, {
    handlers: [],
    readiness: { bus: () => new Promise(() => undefined) },
  });
  const ready = await fetch(`${url}/health/ready`);
  assert.equal(ready.status, 503);
  assert.deepEqual(
    (await readProblem(ready)).errors?.map(({ path }) => path),
    ['bus'],
  );
});
