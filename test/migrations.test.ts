import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';

const ROOT = join(import.meta.dirname, '..');
/** As `sha256sum` writes and checks it. */
const LIST = 'test/migrations.sha256';

it('published migrations are never edited: kept systems have applied them as they were', () => {
  const published = new Map(
    readFileSync(join(ROOT, LIST), 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split('  ').reverse() as [file: string, hash: string]),
  );
  const options = { cwd: ROOT, encoding: 'utf8' } as const;
  const list = ['ls-files', '--cached', '--others', '--exclude-standard'];
  const present = execFileSync('git', [...list, '*/migrations*/*.sql'], options)
    .trim()
    .split('\n');
  const files = present.filter((file) => !file.includes('/fixture/'));
  assert.ok(files.length > 15, 'found them');
  for (const file of new Set([...published.keys(), ...files])) {
    const hash = createHash('sha256')
      .update(readFileSync(join(ROOT, file)))
      .digest('hex');
    if (!published.has(file)) assert.fail(`a new migration belongs into ${LIST}: ${hash}  ${file}`);
    assert.equal(
      hash,
      published.get(file),
      `${file} was published and is changed: put it back, and add a file with the next number`,
    );
  }
});
