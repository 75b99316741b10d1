import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT: string = dirname(dirname(fileURLToPath(import.meta.url)));

/** Tracked and new files of the checkout, relative to its root, with `/` as separator. */
export function listFiles(pattern: RegExp): readonly string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return listed.split('\n').filter((file) => pattern.test(file) && existsSync(join(ROOT, file)));
}

export function readText(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}
