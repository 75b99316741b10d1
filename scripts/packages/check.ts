/**
 * `npm run check:packages`: what a stranger gets from the registry works. Builds all packages, then judges each tarball:
 * by two linters, by its size, and alone in an empty folder, on three versions of Node and with the strictest compiler.
 * The judges are apart from what users install: `npm ci --prefix scripts/packages/tools`.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { findPackages, type Package } from './workspace.ts';

const ROOT = join(import.meta.dirname, '../..');
const TOOLS = join(import.meta.dirname, 'tools/node_modules');
const MAX_BYTES = 300_000;
/** Tells only hangs apart: a build takes minutes where others use the processors. */
const TIMEOUT_MS = 900_000;

const folder = mkdtempSync(join(tmpdir(), 'flotilla-packages-'));
after(() => rmSync(folder, { recursive: true, force: true }));
run('npm', ['run', 'build', '--', '--out', folder], ROOT);
const packages = findPackages(ROOT);

describe('a package as it is published', () => {
  for (const pack of packages) {
    describe(pack.manifest.name, () => {
      it('is small', () => {
        const { size } = statSync(tarballOf(pack));
        assert.ok(size <= MAX_BYTES, `${size} bytes`);
      });
      it('pleases publint and attw', () => {
        run(join(TOOLS, '.bin/publint'), ['--strict', join(folder, 'packages', pack.folder)], ROOT);
        run(join(TOOLS, '.bin/attw'), [tarballOf(pack), '--profile', 'esm-only'], ROOT);
      });
      it('works alone in an empty folder', () => worksAlone(pack));
    });
  }
});

describe('a folder with nothing but the packages', () => {
  const home = join(folder, 'outside');
  before(() => {
    mkdirSync(home);
    installOnly(home, packages);
  });
  it('runs a service with an outbox and a saga', () => {
    cpSync(join(import.meta.dirname, 'outside'), home, { recursive: true });
    checkTypes(home);
    run(process.execPath, ['try-service.ts'], home);
  });
  it('serves an ocelot.json by the command line', async () => {
    const backend = createServer((_request, response) => response.end('served')).listen(0, '127.0.0.1');
    await once(backend, 'listening');
    const { port } = backend.address() as AddressInfo;
    writeFileSync(join(home, 'ocelot.json'), JSON.stringify({ Routes: [routeTo(port)] }));
    const program = join(home, 'node_modules/@flotilla/cli/dist/bin/flotilla.js');
    const args = [program, 'gateway', '--config', 'ocelot.json', '--port', '0'];
    const gateway = spawn(process.execPath, args, {
      cwd: home,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    try {
      const url = await firstMatch(gateway.stdout, /http:\/\/127\.0\.0\.1:\d+/);
      assert.equal(await (await fetch(`${url}/products/7`)).text(), 'served');
    } finally {
      const ended = once(gateway, 'exit');
      gateway.kill();
      await ended;
      backend.close();
    }
  });
});

function routeTo(port: number) {
  return {
    UpstreamPathTemplate: '/products/{id}',
    DownstreamPathTemplate: '/{id}',
    DownstreamScheme: 'http',
    DownstreamHostAndPorts: [{ Host: '127.0.0.1', Port: port }],
  };
}

async function firstMatch(output: Readable, wanted: RegExp): Promise<string> {
  let said = '';
  for await (const chunk of output) {
    said += chunk;
    const [match] = wanted.exec(said) ?? [];
    if (match) return match;
  }
  throw new Error(`it ended without saying ${wanted}: ${said}`);
}

/** Installs one package as a stranger would, imports all it exports, checks its types, and runs its README's first example. */
function worksAlone(pack: Package): void {
  const home = join(folder, 'alone', pack.folder);
  mkdirSync(home, { recursive: true });
  installOnly(home, [pack]);
  const entries = Object.keys(pack.manifest.exports).map((entry) => join(pack.manifest.name, entry));
  writeFileSync(join(home, 'all.ts'), entries.map((entry) => `await import('${entry}');\n`).join(''));
  const example = firstExample(pack);
  writeFileSync(join(home, 'example.ts'), example);
  for (const file of globSync('gen/*/testing/*_pb.ts', { cwd: pack.path }))
    cpSync(join(pack.path, file), join(home, file.replace(/.*[\\/]/, '')));
  checkTypes(home);
  for (const node of nodes()) run(node, ['all.ts'], home);
  run(process.execPath, ['example.ts'], home);
}

/** `packages` from their tarballs; those they depend on, too, since none of them need be in a registry yet. */
function installOnly(home: string, wanted: readonly Package[]): void {
  const tarballs = (of: readonly Package[]) =>
    Object.fromEntries(of.map((pack) => [pack.manifest.name, `file:${tarballOf(pack)}`]));
  const others = packages.filter((pack) => !wanted.includes(pack));
  const manifest = {
    type: 'module',
    private: true,
    // Optional peers as well: some entry is for who has them.
    dependencies: { ...tarballs(wanted), ...Object.assign({}, ...wanted.map(peersOf)) },
    overrides: tarballs(others),
  };
  writeFileSync(join(home, 'package.json'), JSON.stringify(manifest));
  run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'], home);
}

function peersOf({ manifest }: Package): Readonly<Record<string, string>> {
  return manifest.peerDependencies ?? {};
}

/** With declarations checked as well: a package whose types need what it does not depend on fails. */
function checkTypes(home: string): void {
  const compilerOptions = {
    ...{ skipLibCheck: false, noEmit: true, typeRoots: [join(ROOT, 'node_modules/@types')] },
    ...{ noUnusedLocals: false },
  };
  const config = { extends: join(ROOT, 'tsconfig.json'), compilerOptions, include: ['*.ts'], exclude: [] };
  writeFileSync(join(home, 'tsconfig.json'), JSON.stringify(config));
  run(join(ROOT, 'node_modules/.bin/tsc'), ['--project', home], home);
}

function firstExample({ path, manifest }: Package): string {
  const [, example] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(path, 'README.md'), 'utf8')) ?? [];
  assert.ok(example, `the README of ${manifest.name} begins with an example`);
  return example;
}

function tarballOf({ manifest }: Package): string {
  const name = manifest.name.replace('@', '').replace('/', '-');
  return join(folder, 'tarballs', `${name}-${manifest.version}.tgz`);
}

/** Ours, and those that `tools` brings for this operating system. */
function nodes(): readonly string[] {
  const others = ['node-22', 'node-26'].map((name) => join(TOOLS, name, 'bin/node'));
  return [process.execPath, ...others.filter((file) => existsSync(file))];
}

function run(command: string, args: readonly string[], cwd: string): void {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
  });
  assert.equal(status, 0, `${command} ${args.join(' ')}\n${error?.message ?? ''}${stdout}${stderr}`);
}
