/**
 * `npm run build [-- --out <folder>]`: builds the pages for browsers whose sources have changed, as `flotilla up` would, and makes
 * every package of the platform installable, as a folder and as a tarball. In this repository the sources run; only pages need a build.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import system from '../flotilla.config.ts';
import { buildFrontends } from '../platform/cli/src/frontends/build-frontends.ts';
import { compileCode, compileDeclarations } from './packages/compile.ts';
import { stage } from './packages/stage.ts';
import { findPackages } from './packages/workspace.ts';

const root = join(import.meta.dirname, '..');
const { values } = parseArgs({ options: { out: { type: 'string', default: join(root, 'dist') } } });
const out = resolve(values.out);
const [compiled, packages, tarballs] = [join(out, 'compiled'), join(out, 'packages'), join(out, 'tarballs')];

for (const folder of [compiled, packages, tarballs]) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
}
const signal = new AbortController().signal;
if (!(await buildFrontends({ system, root, env: process.env, signal, say: console.log })))
  throw new Error('there are pages that could not be built, nothing else was');
const pages = Object.values(system.frontends ?? {}).map(({ output }) => output);
const all = findPackages(root);
compileDeclarations(root, all, compiled);
compileCode(root, all, compiled);
for (const pack of all) stage({ root, pages, compiled }, pack, join(packages, pack.folder));
const folders = all.map(({ folder }) => join(packages, folder));
const { status, stdout } = spawnSync('npm', ['pack', '--json', '--pack-destination', tarballs, ...folders], {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
});
if (status !== 0) throw new Error('npm pack failed');
type Packed = { readonly name: string; readonly filename: string };
for (const { name, filename } of Object.values(JSON.parse(stdout) as Record<string, Packed>)) {
  const kilobytes = Math.round(statSync(join(tarballs, filename)).size / 1024);
  console.log(`${name.padEnd(24)} ${String(kilobytes).padStart(5)} kB  ${filename}`);
}
