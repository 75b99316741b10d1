import { createHash, randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type Account, canReach } from './embedded-account.ts';

/** Where a data directory really lives, with what belongs to it beside it. */
export interface Home {
  readonly directory: string;
  /** The library links, or a copy of the server. */
  readonly serverFolder: string;
  readonly dataDir: string;
}

const REACHABLE_ROOT = '/var/lib/flotilla';
const RECORD = 'relocated-to';
const SERVER = 'server';
const PASSWORD = 'superuser-password';
const SOCKET = 'socket';
/** Of the 104 bytes that macOS gives a socket's path (Linux 108), less the file's name. */
const LONGEST_SOCKET_FOLDER = 104 - '/.s.PGSQL.65535\0'.length;

/**
 * Beside `dataDir`, or, when root's checkout lies where the unprivileged account cannot go (`/root`), in a
 * folder of its own below /var/lib/flotilla. The record beside `dataDir` ties the two together: without it
 * whatever lies there belongs to a data directory that somebody deleted, and is removed.
 */
export async function prepareHome(requested: string, account: Account | undefined): Promise<Home> {
  const dataDir = resolve(requested);
  const beside = dirname(dataDir);
  await mkdir(beside, { recursive: true });
  if (account === undefined || (await canReach(account, beside))) return describe(beside, dataDir);
  const directory = relocated(dataDir);
  const record = join(beside, RECORD);
  const known = await readFile(record, 'utf8').catch(() => '');
  if (known !== directory) await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  for (const path of [REACHABLE_ROOT, directory]) await chmod(path, 0o711);
  await writeFile(record, directory);
  return describe(directory, join(directory, 'data'));
}

function describe(directory: string, dataDir: string): Home {
  return { directory, dataDir, serverFolder: join(directory, SERVER) };
}

function relocated(dataDir: string): string {
  return join(REACHABLE_ROOT, createHash('sha256').update(dataDir).digest('hex').slice(0, 16));
}

/** Deletes the data of a server that is not running, wherever it lives. */
export async function removeEmbeddedPostgres(requested: string): Promise<void> {
  const dataDir = resolve(requested);
  const beside = dirname(dataDir);
  const relocatedTo = await readFile(join(beside, RECORD), 'utf8').catch(() => '');
  if (relocatedTo === relocated(dataDir)) await rm(relocatedTo, { recursive: true, force: true });
  await rm(dataDir, { recursive: true, force: true });
  for (const name of [RECORD, PASSWORD, SERVER, SOCKET]) {
    await rm(join(beside, name), { recursive: true, force: true });
  }
}

/** Generated once, readable by us alone. */
export async function superuserPassword(home: Home): Promise<string> {
  const file = join(home.directory, PASSWORD);
  const present = await readFile(file, 'utf8').catch(() => '');
  if (present !== '') return present;
  const password = randomBytes(24).toString('base64url');
  await writeFile(file, password, { mode: 0o600 });
  return password;
}

/**
 * The folder of the server's socket, made anew: a killed server leaves its file. `undefined` where the path is longer than the
 * system takes; clients then use TCP.
 */
export async function makeSocketFolder(
  { directory }: Home,
  account: Account | undefined,
): Promise<string | undefined> {
  const folder = join(directory, SOCKET);
  if (Buffer.byteLength(folder) > LONGEST_SOCKET_FOLDER) return undefined;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { mode: 0o755 });
  if (account) await chown(folder, account.uid, account.gid);
  return folder;
}
