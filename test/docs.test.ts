import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { demos } from '../demos/index.ts';
import { listFiles, ROOT, readText } from './source-files.ts';

const documents = listFiles(/\.md$/);
const scripts = Object.keys(
  (JSON.parse(readText('package.json')) as { scripts: Record<string, string> }).scripts,
);

/** Error codes that are declared as closed unions: `| 'HTTP_TIMEOUT'`. */
function declaredCodes(): readonly string[] {
  const catalogues = listFiles(/^(platform|shop)\/[^/]+\/src\/errors\.ts$/);
  return catalogues.flatMap((file) =>
    [...readText(file).matchAll(/'([A-Z]+(?:_[A-Z]+)+)'/g)].map((found) => found[1] ?? ''),
  );
}

describe('the documentation', () => {
  it('links only to files that exist', () => {
    const broken = documents.flatMap((file) =>
      [...readText(file).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
        .map((found) => found[1] ?? '')
        .filter((link) => !/^[a-z]+:/.test(link) && !existsSync(join(ROOT, dirname(file), link)))
        .map((link) => `${file}: ${link}`),
    );
    assert.deepEqual(broken, []);
  });

  it('names only npm scripts that exist', () => {
    const named = documents.flatMap((file) =>
      [...readText(file).matchAll(/npm run ([a-z][\w:-]*)/g)].map((found) => [file, found[1] ?? ''] as const),
    );
    assert.deepEqual(
      named.filter(([, script]) => !scripts.includes(script)),
      [],
    );
  });

  it('names only folders and files of the tree that exist', () => {
    const named = documents
      .filter((file) => file !== 'CHANGELOG.md')
      .flatMap((file) =>
        [...readText(file).matchAll(/`((?:platform|shop|docs|test|chaos|bench|scripts)\/[\w./-]+)`/g)].map(
          (found) => [file, found[1] ?? ''] as const,
        ),
      );
    assert.deepEqual(
      named.filter(([, path]) => !existsSync(join(ROOT, path))),
      [],
    );
  });

  it('lists every code that an error is made with, too', () => {
    const declared = new Set(declaredCodes());
    const unlisted = listFiles(/^(platform|shop)\/[^/]+\/src\/.*(?<!\.test)\.ts$/).flatMap((file) =>
      [...readText(file).matchAll(/new PlatformError\(\s*'([A-Z_]+)'/g)]
        .filter(([, code = '']) => !declared.has(code))
        .map(([, code]) => `${file}: ${code}`),
    );
    assert.deepEqual(unlisted, []);
  });

  it('has a README in every package', () => {
    const packages = listFiles(/^(platform|shop)\/[^/]+\/package\.json$/).map(dirname);
    assert.deepEqual(
      packages.filter((folder) => !existsSync(join(ROOT, folder, 'README.md'))),
      [],
    );
  });

  it('lists every error code in the reference, and no other', () => {
    const listed = [...readText('docs/reference/errors.md').matchAll(/^\| `([A-Z_]+)`/gm)].map(
      (found) => found[1] ?? '',
    );
    assert.deepEqual([...new Set(listed)].sort(), [...new Set(declaredCodes())].sort());
  });

  it('names the command of each demo on a page, and no other', () => {
    const named = documents
      .filter((file) => file.startsWith('docs/') && !file.startsWith('docs/reference/'))
      .flatMap((file) => [...readText(file).matchAll(/flotilla -- demo ([a-z][a-z -]*)/g)])
      .flatMap((found) => found[1]?.trim().split(' ') ?? []);
    const names = demos.map(({ name }) => name);
    assert.deepEqual([...new Set(named)].sort(), names.toSorted());
  });
});
