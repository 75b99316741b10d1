import { randomBytes } from 'node:crypto';
import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** The text of a file, `undefined` where there is none. One that cannot be read is an error, and never taken for absent. */
export async function readIfPresent(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
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
