import assert from 'node:assert/strict';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { readIfPresent, statIfPresent } from './files.ts';

it('what is not there is nothing; what cannot be looked at is an error', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-files-'));
  t.after(() => rm(folder, { recursive: true }));
  const [file, circle] = [join(folder, 'file'), join(folder, 'circle')];
  await writeFile(file, 'text');
  await symlink(circle, circle);
  assert.equal((await statIfPresent(file))?.size, 4);
  assert.equal(await statIfPresent(join(folder, 'absent')), undefined);
  assert.equal(await statIfPresent(join(file, 'below')), undefined);
  assert.equal(await readIfPresent(join(folder, 'absent')), undefined);
  await assert.rejects(statIfPresent(circle), { code: 'ELOOP' });
  await assert.rejects(readIfPresent(circle), { code: 'ELOOP' });
});
