import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { statIfPresent } from '@flotilla/kernel/files';
import type { FrontendConfig } from '../config.ts';

/** Every version of every library is in it. */
const LOCK_FILE = 'package-lock.json';
/** What is no part of a page: what was installed, what was built, what is hidden, and tests. */
const LEFT_OUT = /^(?:node_modules|dist|\..*)$|\.test\.tsx?$|\.md$/;

/** One value for everything that a front end is built from: file by file, what it is called and what is in it. */
export async function hashOfInputs(root: string, { build, inputs = [] }: FrontendConfig): Promise<string> {
  const places = [dirname(build), ...inputs, LOCK_FILE].map((place) => join(root, place));
  const files = [...new Set((await Promise.all(places.map(filesIn))).flat())].sort();
  const hashes = await Promise.all(files.map(async (file) => hashOf(await readFile(file))));
  return hashOf(files.map((file, index) => `${relative(root, file)}\0${hashes[index]}\n`).join(''));
}

/** A file is itself; what is not there is nothing. */
async function filesIn(path: string): Promise<readonly string[]> {
  const found = await statIfPresent(path);
  if (!found) return [];
  if (!found.isDirectory()) return [path];
  const names = (await readdir(path)).filter((name) => !LEFT_OUT.test(name));
  return (await Promise.all(names.map((name) => filesIn(join(path, name))))).flat();
}

function hashOf(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
