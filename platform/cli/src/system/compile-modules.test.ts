import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { childEnvironment } from '@flotilla/kernel/testing';
import { compileModules } from './compile-modules.ts';

describe('the modules of programs that have not run yet', () => {
  let folder: string;
  let request: Parameters<typeof compileModules>[0];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'flotilla-modules '));
    await writeFile(join(folder, 'shared.ts'), 'export const one: number = 1;');
    const ran = "import { writeFileSync } from 'node:fs'; writeFileSync(import.meta.dirname + '/ran', '');";
    await writeFile(join(folder, 'acts.ts'), `${ran} export {};`);
    await writeFile(
      join(folder, 'a.ts'),
      "import './acts.ts'; import { one } from './shared.ts'; one as number;",
    );
    await writeFile(join(folder, 'b.ts'), "import { one } from './shared.ts'; console.log(one as number);");
    request = {
      entries: ['a.ts', 'b.ts'].map((name) => join(folder, name)),
      compileCache: join(folder, 'cache'),
      env: childEnvironment(),
      signal: new AbortController().signal,
    };
  });
  after(() => rm(folder, { recursive: true }));

  it('are compiled, and none of them runs', async () => {
    await compileModules(request);
    await assert.rejects(access(join(folder, 'ran')), { code: 'ENOENT' });
    const env = {
      ...request.env,
      NODE_COMPILE_CACHE: request.compileCache,
      NODE_DEBUG_NATIVE: 'COMPILE_CACHE',
    };
    const program = [join(folder, 'b.ts')];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, program, { env });
    const found = [...(stdout + stderr).matchAll(/StrippedTypeScript file:\S+\/(\w+)\.ts\.\.\.success/g)];
    assert.deepEqual(new Set(found.map(([, name]) => name)), new Set(['b', 'shared']));
  });

  it('are left alone where something is compiled already', async () => {
    const compileCache = join(folder, 'other cache');
    await mkdir(compileCache);
    await compileModules({ ...request, compileCache });
    assert.deepEqual(await readdir(compileCache), []);
  });

  it('hold up nobody when one is missing, or when nobody wants them any more', async () => {
    const compileCache = join(folder, 'no cache');
    await compileModules({ ...request, compileCache, entries: [join(folder, 'none.ts')] });
    await rm(compileCache, { recursive: true, force: true });
    await compileModules({ ...request, compileCache, signal: AbortSignal.abort() });
    await assert.rejects(access(compileCache), { code: 'ENOENT' });
  });
});
