import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Stage } from '@flotilla/cli';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '..');

/** What somebody would type, on the same system; resolves with what it prints, fails when it fails. */
export async function cli({ dataDir, signal }: Stage, ...words: readonly string[]): Promise<string> {
  const command = [join(ROOT, 'platform/cli/bin/flotilla.js'), ...words, '--data-dir', dataDir];
  return (await run(process.execPath, command, { cwd: ROOT, signal })).stdout;
}
