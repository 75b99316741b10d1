import { readFile, realpath } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';

/** A source file as it was when it was read. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"\n]+)['"]/g;

/**
 * The sources of a program: its file and what that imports, over and over, in whatever package of the repository. What
 * is below `node_modules` is not ours. A file that cannot be read has no imports.
 */
export async function readSources(entry: string): Promise<readonly SourceFile[]> {
  const found = new Map<string, SourceFile>();
  const visit = async (path: string): Promise<void> => {
    if (found.has(path)) return;
    found.set(path, { path, text: '' });
    const text = await readFile(path, 'utf8').catch(() => '');
    found.set(path, { path, text });
    const imported = await Promise.all(importsOf(text).map((specifier) => locate(specifier, path)));
    await Promise.all(imported.map((next) => (next === undefined ? undefined : visit(next))));
  };
  await visit(await realpath(entry));
  return [...found.values()];
}

function importsOf(text: string): readonly string[] {
  const specifiers = [...text.matchAll(IMPORT)].map(([, specifier = '']) => specifier);
  return [...new Set(specifiers)].filter((specifier) => !specifier.startsWith('node:'));
}

/** `undefined` for what is not in the repository, or nowhere. */
async function locate(specifier: string, from: string): Promise<string | undefined> {
  if (specifier.startsWith('.')) return resolve(dirname(from), specifier);
  try {
    const path = await realpath(createRequire(from).resolve(specifier));
    return path.includes('/node_modules/') ? undefined : path;
  } catch {
    return undefined; // text that only looks like an import
  }
}
