import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfPresent, writeWhole } from '@flotilla/kernel/files';
import { cliError } from '../errors.ts';
import type { DataDir } from './data-dir.ts';

/** What a data directory says about itself. Without it a folder is not ours, and nothing in it is touched. */
export interface Mark {
  readonly madeBy: typeof MADE_BY;
  /** Of what the system makes on servers; the secrets have it, too, but may be lost. */
  readonly systemId?: string;
  /** Existing PostgreSQL servers that have databases of it. Noted before they are made. */
  readonly servers: readonly { readonly id: string; readonly address: string }[];
  /** RabbitMQ virtual hosts that it used, without a password. */
  readonly brokers: readonly string[];
  /** Services that may have left queues there. */
  readonly subscribers?: readonly string[];
}

const MADE_BY = 'flotilla up';
const EMPTY: Mark = { madeBy: MADE_BY, servers: [], brokers: [] };

/** Marks a folder that is empty. Fails with `CLI_DATA_DIR_FOREIGN` when it holds something that is not ours. */
export async function checkMark(dataDir: DataDir): Promise<void> {
  if ((await readMark(dataDir)) !== undefined) return;
  if ((await readdir(dataDir.path)).length === 0) return await writeMark(dataDir, EMPTY);
  // One of an older release is marked when it is known what it has elsewhere.
  if (!(await isOlder(dataDir))) throw foreign(dataDir);
}

/** `undefined` where there is none. */
export async function readMark(dataDir: DataDir): Promise<Mark | undefined> {
  const text = await readIfPresent(dataDir.markFile);
  if (text === undefined) return undefined;
  try {
    const mark = JSON.parse(text) as Mark;
    if (mark.madeBy === MADE_BY && Array.isArray(mark.servers) && Array.isArray(mark.brokers)) return mark;
  } catch {
    // Not ours, or not any more.
  }
  throw cliError(
    'CLI_DATA_DIR_FOREIGN',
    `${dataDir.markFile} is not what \`flotilla up\` wrote there: restore it, or use another --data-dir. Nothing was changed`,
  );
}

/** Before anything is made elsewhere, so that it can be found again. */
export async function changeMark(dataDir: DataDir, change: (mark: Mark) => Partial<Mark>): Promise<Mark> {
  const mark = (await readMark(dataDir)) ?? EMPTY;
  const changed = { ...mark, ...change(mark) };
  if (JSON.stringify(changed) !== JSON.stringify(mark)) await writeMark(dataDir, changed);
  return changed;
}

async function writeMark(dataDir: DataDir, mark: Mark): Promise<void> {
  await writeWhole(dataDir.markFile, `${JSON.stringify(mark, null, 2)}\n`);
}

/** Older releases left no mark, but files that nobody else has. */
export async function isOlder(dataDir: DataDir): Promise<boolean> {
  if (/"(database|client) [a-z][a-z0-9-]*":/.test((await readIfPresent(dataDir.secretsFile)) ?? ''))
    return true;
  const own = ['superuser-password', 'relocated-to'].map((name) => join(dataDir.path, 'postgres', name));
  const found = await Promise.all(own.map(readIfPresent));
  return found.some((text) => text !== undefined);
}

export function foreign(dataDir: DataDir): Error {
  return cliError(
    'CLI_DATA_DIR_FOREIGN',
    `${dataDir.path} holds files that \`flotilla up\` did not make: name a folder of its own (--data-dir). Nothing was changed`,
  );
}
