import { globSync, statSync } from 'node:fs';
import { join } from 'node:path';

const PATTERNS = [
  'platform/**/*.test.ts',
  'shop/**/*.test.ts',
  'test/**/*.test.ts',
  'scripts/*.test.ts',
  'scripts/packages/*.test.ts',
  'bench/*.test.ts',
  'chaos/**/*.test.ts',
];

/**
 * These take longest, so they begin first: at the end of a run everything is busy with short files. The first ones wait for most of
 * their time, for processes that start again and for people's patience, and run beside those that compute.
 */
const LONGEST = [
  /^test\/system\/shop/,
  /^test\/browser\/storefront/,
  /^shop\/payment\/src\/crash/,
  /^chaos\/planted/,
  /^platform\/cli\/test\/system/,
  /^platform\/messaging\/test\//,
  /^test\/system\//,
  /crash/,
  /^platform\/console\/test\//,
  /^shop\/identity\/src\/.*process\.test/,
  /\/process\.test\.ts$/,
  /^platform\/(cli|gateway|saga|event-store|bff)\/test\//,
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
