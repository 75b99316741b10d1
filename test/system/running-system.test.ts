import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { startSystem } from './running-system.ts';

it('a system that cannot start is reported at once, with what it said', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'flotilla-system-'));
  t.after(() => rm(dataDir, { recursive: true }));
  await assert.rejects(
    startSystem({ dataDir, env: { RABBITMQ_URL: 'nonsense' } }),
    /did not come up: it ended\n.*RABBITMQ_URL must look like/s,
  );
  assert.deepEqual(await readdir(dataDir), []);
});
