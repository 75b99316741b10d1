import { globSync, statSync } from 'node:fs';
import { join } from 'node:path';

const PATTERNS = [
  'platform/**/*.test.ts',
  'shop/**/*.test.ts',
  'test/**/*.test.ts',
  'scripts/*.test.ts',
  'bench/*.test.ts',
  'chaos/**/*.test.ts',
];

/**
 * These take longest, so they begin first: at the end of a run everything is busy with short files. A whole system is ten
 * processes that want to start at once: no more than two are let in at the beginning.
 */
const LONGEST = [
  /^test\/system\/shop/,
  /^chaos\/planted/,
  /crash/,
  /\/system\.test\.ts$/,
  /^test\/system\//,
  /\/process\.test\.ts$/,
];

/** The test files of the given files, folders and patterns, or all, in the order in which they should begin. */
export function testFiles(given: readonly string[]): readonly string[] {
  const patterns = given.length > 0 ? given.map(patternOf) : PATTERNS;
  const found = patterns.flatMap((pattern) => {
    const files = globSync(pattern, { exclude: ['**/node_modules'] });
    if (files.length === 0 && given.length > 0) throw new RangeError(`no test file is called ${pattern}`);
    return files;
  });
  return [...new Set(found)].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
}

function patternOf(given: string): string {
  const isFolder = statSync(given, { throwIfNoEntry: false })?.isDirectory();
  return isFolder ? join(given, '**/*.test.ts') : given;
}

function rank(file: string): number {
  const place = LONGEST.findIndex((pattern) => pattern.test(file));
  return place === -1 ? LONGEST.length : place;
}
