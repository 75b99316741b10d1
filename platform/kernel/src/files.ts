import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { open, readFile, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** The text of a file, `undefined` where there is none. One that cannot be read is an error, and never taken for absent. */
export function readIfPresent(file: string): Promise<string | undefined> {
  return ifPresent(readFile(file, 'utf8'));
}

/** What is at a path, `undefined` where nothing is, also below a file. What cannot be looked at is an error. */
export function statIfPresent(path: string): Promise<Stats | undefined> {
  return ifPresent(stat(path), ['ENOENT', 'ENOTDIR']);
}

async function ifPresent<T>(
  asked: Promise<T>,
  absent: readonly string[] = ['ENOENT'],
): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (absent.includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/**
 * Replaces a file, whole or not at all, also when the power fails and when others write it at the same time. Only its
 * owner can read it. A killed writer leaves `<file>.<8 hexadecimal digits>`.
 */
export async function writeWhole(file: string, content: string | Uint8Array): Promise<void> {
  const unfinished = `${file}.${randomBytes(4).toString('hex')}`;
  {
    await using written = await open(unfinished, 'wx', 0o600);
    await written.writeFile(content);
    await written.sync();
  }
  await rename(unfinished, file);
  await syncFolder(dirname(file));
}

/** Without it a rename in the folder can be lost while what was written later survives. */
export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path);
  await folder.sync();
}
