import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { statIfPresent } from '@flotilla/kernel/files';

/** Beside the pages: what they were built from, and which files are theirs. */
export const STAMP = '.built.json';

export interface Stamp {
  /** `hashOfInputs` of what it was built from. */
  readonly inputs: string;
  readonly files: readonly string[];
}

/** `undefined` where nothing was built, or not to the end. */
export async function readStamp(output: string): Promise<Stamp | undefined> {
  try {
    return JSON.parse(await readFile(join(output, STAMP), 'utf8')) as Stamp;
  } catch {
    return undefined; // torn or foreign: it is built again
  }
}

/**
 * Puts what was built into its place, while it is served: documents come last, so that none names a file that is not there
 * yet, and the files of the build before stay, so that a page that is open finds its parts. Those of older ones go. Whoever
 * is killed in between leaves the old stamp, and so it is done again.
 */
export async function install(built: string, output: string, inputs: string): Promise<void> {
  const former = (await readStamp(output))?.files ?? [];
  const files = await filesBelow(built);
  for (const file of files.toSorted((a, b) => Number(isDocument(a)) - Number(isDocument(b)))) {
    await mkdir(dirname(join(output, file)), { recursive: true });
    await rename(join(built, file), join(output, file));
  }
  const stamp: Stamp = { inputs, files };
  await writeFile(join(built, STAMP), `${JSON.stringify(stamp)}\n`);
  await rename(join(built, STAMP), join(output, STAMP));
  const kept = new Set([STAMP, ...files, ...former]);
  // What is hidden is the stamp, and builds of others, whose folders come and go meanwhile.
  const visible = (await readdir(output)).filter((name) => !name.startsWith('.'));
  const there = (await Promise.all(visible.map((name) => filesAt(output, name)))).flat();
  const old = there.filter((file) => !kept.has(file));
  await Promise.all(old.map((file) => rm(join(output, file), { force: true })));
}

async function filesAt(output: string, name: string): Promise<readonly string[]> {
  const path = join(output, name);
  if (!(await statIfPresent(path))?.isDirectory()) return [name];
  return (await filesBelow(path)).map((file) => join(name, file));
}

const isDocument = (file: string): boolean => file.endsWith('.html');

async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}
