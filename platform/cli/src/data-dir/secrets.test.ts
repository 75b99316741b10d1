import assert from 'node:assert/strict';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { openSecrets } from './secrets.ts';

it('secrets are made once, kept between runs, and readable by their owner alone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-secrets-'));
  const file = join(folder, 'secrets.json');
  const first = await openSecrets(file);
  const made = [first.get('a'), first.get('b')];
  await first.save();
  const second = await openSecrets(file);
  assert.deepEqual([second.get('a'), second.get('b')], made);
  assert.equal(Buffer.from(second.get('a'), 'base64').length, 32);
  assert.notEqual(second.get('a'), second.get('b'));
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  await rm(folder, { recursive: true });
});
