import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { staleness } from './lock-file.ts';

let root = '';
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'flotilla-lock-'));
  await mkdir(join(root, 'platform/a'), { recursive: true });
});
after(() => rm(root, { recursive: true }));

async function write(dependencies: object, packages: object): Promise<void> {
  await writeFile(
    join(root, 'package.json'),
    JSON.stringify({ version: '1.0.0', workspaces: ['platform/*'] }),
  );
  await writeFile(join(root, 'platform/a/package.json'), JSON.stringify({ version: '1.0.0', dependencies }));
  await writeFile(join(root, 'package-lock.json'), JSON.stringify({ packages }));
}

it('a lock file that no longer says what the package.json files say is found', async () => {
  const own = { version: '1.0.0' };
  await write({ pg: '8.0.0' }, { '': own, 'platform/a': { ...own, dependencies: { pg: '8.0.0' } } });
  assert.deepEqual(staleness(root), []);
  await write({ pg: '8.0.1' }, { '': own, 'platform/a': { ...own, dependencies: { pg: '8.0.0' } } });
  assert.deepEqual(staleness(root), ['platform/a/package.json: dependencies are not as locked']);
  await write({}, { '': own, 'platform/b': own, 'node_modules/pg': own });
  assert.deepEqual(staleness(root), ['platform/b is locked and not there', 'platform/a is not locked']);
});
