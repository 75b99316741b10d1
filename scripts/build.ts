/**
 * `npm run build [-- --out <folder>]`: makes every package of the platform installable, as a folder and as a tarball.
 * In this repository the sources run; nothing here needs a build.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
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
const all = findPackages(root);
compileDeclarations(root, all, compiled);
compileCode(root, all, compiled);
for (const pack of all) stage(root, pack, compiled, join(packages, pack.folder));
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
