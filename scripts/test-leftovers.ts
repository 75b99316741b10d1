import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { removeEmbeddedPostgres } from '@flotilla/postgres/embedded';

const PREFIX = 'flotilla-test-';

/** Says whose it is: a run that is killed cannot clean up, the next one does it. */
export function runFolderPrefix(pid: number): string {
  return `${PREFIX}${pid}-`;
}

/** Removes the folders of runs that have ended without. */
export async function removeLeftovers(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const pid = Number(/^flotilla-test-(\d+)-/.exec(name)?.[1]);
    if (!(pid > 0) || isAlive(pid)) continue;
    const { uid } = await stat(join(parent, name));
    if (uid === process.getuid?.()) await removeRunFolder(join(parent, name));
  }
}

/** Its processes have been told to end; until they have, they may still write. */
export async function removeRunFolder(folder: string): Promise<void> {
  await removeEmbeddedPostgres(join(folder, 'data'));
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
