import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, 'peers');
const SERVER = '@restatedev/restate-server';

/** Installs what the benchmarks compare with, 250 MB, unless it is there in the pinned versions. */
export function installPeers(): void {
  const { dependencies } = readManifest(folder) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  const wanted = [
    ...Object.entries(dependencies),
    [`${SERVER}-${process.platform}-${process.arch}`, dependencies[SERVER]] as const,
  ];
  const missing = wanted.filter(
    ([name, version]) => readManifest(join(folder, 'node_modules', name))?.['version'] !== version,
  );
  if (missing.length === 0) return;
  console.log(`installing ${missing.map(([name]) => name).join(', ')} (npm ci in bench/peers)`);
  const { status, error } = spawnSync('npm', ['ci'], { cwd: folder, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) throw new Error('the peers of the benchmarks could not be installed');
}

function readManifest(packageFolder: string): Readonly<Record<string, unknown>> | undefined {
  const file = join(packageFolder, 'package.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>) : undefined;
}
