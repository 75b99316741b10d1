/** `flotilla new service` and docs/adding.md, carried out in a copy of this repository. */
import assert from 'node:assert/strict';
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { SystemConfig } from '@flotilla/cli';
import { childEnvironment } from '@flotilla/kernel/testing';
import { createTestDatabase } from '@flotilla/postgres/testing';
import { runCommandLine } from '../platform/cli/src/command-line.ts';
import { listFiles, ROOT } from './source-files.ts';

const FLOTILLA = 'platform/cli/bin/flotilla.js';
const GENERATED = ['package.json', 'README.md', 'migrations/0001_parcel.sql', 'src/main.ts', 'src/config.ts'];

describe('a new service', () => {
  let copy: string;
  before(() => {
    copy = copyRepository();
  });
  after(() => rmSync(copy, { recursive: true, force: true }));

  it('is written by one command, formatted, and in the configuration', async (t) => {
    const said = t.mock.method(console, 'log', () => undefined);
    assert.equal(await runCommandLine(['new', 'service', 'parcel'], { cwd: copy, env: {} }), 0);
    assert.match(
      said.mock.calls.map(({ arguments: [line] }) => line).join('\n'),
      /flotilla\.config\.ts: its entry/,
    );
    for (const file of GENERATED) assert.ok(existsSync(join(copy, 'shop/parcel', file)), file);
    const manifest = JSON.parse(readFileSync(join(copy, 'shop/parcel/package.json'), 'utf8')) as {
      name: string;
    };
    assert.equal(manifest.name, '@shop/parcel');
    // The command has loaded the one before.
    const config = await import(`${pathToFileURL(join(copy, 'flotilla.config.ts')).href}?changed`);
    const { parcel } = (config as { default: SystemConfig }).default.services;
    assert.equal(parcel?.entry, 'shop/parcel/src/main.ts');
    assert.ok(existsSync(parcel.database?.migrations[0]?.directory ?? ''));
    tool(copy, 'biome', ['ci', '--colors=off', '--vcs-enabled=false', 'shop/parcel', 'flotilla.config.ts']);
  });

  it('starts, is ready, and ends when it is told to', async (t) => {
    const directory = join(copy, 'shop/parcel/migrations');
    const database = await createTestDatabase([{ name: 'parcel', directory }]);
    t.after(() => database.close());
    const child = fork(join(copy, 'shop/parcel/src/main.ts'), {
      env: { ...childEnvironment(), DATABASE_URL: database.uri, ISSUER: 'http://127.0.0.1/identity' },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    t.after(() => child.kill('SIGKILL'));
    const exit = once(child, 'exit');
    const [ready] = (await Promise.race([once(child, 'message'), exit])) as [
      { readonly url?: string } | number,
    ];
    assert.ok(typeof ready === 'object', 'it ended before it was ready');
    assert.equal((await fetch(`${ready.url}/health/ready`)).status, 200);
    assert.equal((await fetch(`${ready.url}/parcel`)).status, 401);
    child.kill('SIGTERM');
    assert.deepEqual(await exit, [0, null]);
  });

  it('is not written over what is there', async (t) => {
    const said = t.mock.method(console, 'error', () => undefined);
    for (const [name, problem] of [
      ['order', /there is one of this name/],
      ['contracts', /shop\/contracts is there already; nothing was changed/],
      ['Parcel', /a name is lower case letters/],
    ] as const) {
      assert.equal(await runCommandLine(['new', 'service', name], { cwd: copy, env: {} }), 2);
      assert.match(String(said.mock.calls.at(-1)?.arguments[0]), problem);
    }
  });

  it('and what docs/adding.md adds compiles and does what it says', () => {
    cpSync(join(copy, 'shop/parcel'), join(copy, 'shop/as-generated'), { recursive: true });
    const written = carryOut(copy, readFileSync(join(ROOT, 'docs/adding.md'), 'utf8'));
    const generated = globSync('shop/as-generated/src/*.ts', { cwd: copy });
    compile(copy, [...generated, ...written.filter((file) => file.endsWith('.ts'))]);
    const tests = [...written, 'shop/parcel/src/app.test.ts'].filter((file) => file.endsWith('.test.ts'));
    run(copy, ['--test', ...tests, 'shop/contracts/src/contracts.test.ts'], { UPDATE_PUBLISHED: '1' });
    assert.equal(run(copy, [FLOTILLA, 'where']).trim(), join(copy, '.flotilla'));
  });
});

/** What is tracked, with the same dependencies; packages of the workspace are those of the copy. */
function copyRepository(): string {
  const copy = realpathSync(mkdtempSync(join(tmpdir(), 'flotilla-adding-')));
  for (const file of listFiles(/^(platform|shop)\/|^[\w.]+\.(ts|json)$/)) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    copyFileSync(join(ROOT, file), join(copy, file));
  }
  const link = (target: string, path: string) => {
    mkdirSync(dirname(join(copy, path)), { recursive: true });
    symlinkSync(target, join(copy, path));
  };
  for (const folder of globSync('{platform,shop}/*/node_modules', { cwd: ROOT }))
    link(join(ROOT, folder), folder);
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    const path = `node_modules/${name}`;
    if (name !== '@flotilla' && name !== '@shop') link(join(ROOT, path), path);
    else
      for (const own of readdirSync(join(ROOT, path)))
        link(readlinkSync(join(ROOT, path, own)), `${path}/${own}`);
  }
  return copy;
}

/** Carries out the blocks of a page, and returns what they wrote. */
function carryOut(root: string, page: string): readonly string[] {
  const blocks = [
    ...page.matchAll(/```(?:ts|jsonc)\n\/\/ ([\w./-]+)(?:, (below: (.+)|at the end))?\n([\s\S]*?)```/g),
  ];
  assert.ok(blocks.length > 15, `only ${blocks.length} blocks were seen`);
  for (const [, file = '', where, text = '', content = ''] of blocks) {
    const path = join(root, file);
    mkdirSync(dirname(path), { recursive: true });
    if (where === undefined) writeFileSync(path, content);
    else if (where === 'at the end') writeFileSync(path, `${readFileSync(path, 'utf8')}${content}`);
    else writeFileSync(path, insertBelow(path, text, content));
  }
  return [...new Set(blocks.map(([, file = '']) => file))];
}

function insertBelow(path: string, text: string, content: string): string {
  const before = readFileSync(path, 'utf8');
  const found = before.indexOf(text);
  assert.notEqual(found, -1, `${path} has no line with ${text}`);
  const at = before.indexOf('\n', found) + 1;
  return `${before.slice(0, at)}${content}${before.slice(at)}`;
}

function compile(copy: string, files: readonly string[]): void {
  const project = join(copy, 'tsconfig.adding.json');
  writeFileSync(project, JSON.stringify({ extends: './tsconfig.json', files, include: [] }));
  tool(copy, 'tsc', ['--project', project]);
}

function tool(cwd: string, name: string, args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(join(ROOT, 'node_modules/.bin', name), args, {
    cwd,
    encoding: 'utf8',
  });
  assert.equal(status, 0, `${name} ${args.join(' ')}\n${stdout}${stderr}`);
}

function run(cwd: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const given = { ...process.env, ...env };
  // It would take what it starts for a part of this test.
  delete given['NODE_TEST_CONTEXT'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8', env: given });
  assert.equal(status, 0, `node ${args.join(' ')}\n${stdout}${stderr}`);
  return stdout;
}
