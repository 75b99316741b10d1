import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readdir, realpath, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { PlatformError } from '@flotilla/kernel';
import { readIfPresent, writeWhole } from '@flotilla/kernel/files';
import { type Account, canReach } from './account.ts';

/** Where a data directory really lives, with what belongs to it beside it. */
export interface Home {
  readonly directory: string;
  /** The library links, or a copy of the server. */
  readonly serverFolder: string;
  readonly dataDir: string;
}

const REACHABLE_ROOT = '/var/lib/flotilla';
/** Beside the requested data directory: the folder where the data live instead. */
const NOTE = 'relocated-to';
/** In that folder: whose note names it. */
const OWNER = 'belongs-to';
const DATA = 'data';
const SERVER = 'server';
const PASSWORD = 'superuser-password';
const SOCKET = 'socket';
/** Of the 104 bytes that macOS gives a socket's path (Linux 108), less the file's name. */
const LONGEST_SOCKET_FOLDER = 104 - '/.s.PGSQL.65535\0'.length;

/**
 * Beside `dataDir`, or, when root's checkout lies where the unprivileged account cannot go (`/root`), in a folder of
 * its own below /var/lib/flotilla. The note beside `dataDir` alone says which, so the checkout may be renamed; the
 * folder says whose it is, so a copy of the checkout does not share its data. Nothing is ever removed here.
 */
export async function prepareHome(requested: string, account: Account | undefined): Promise<Home> {
  const isNew = (await mkdir(dirname(resolve(requested)), { recursive: true })) !== undefined;
  const { beside, dataDir } = await locate(requested);
  const noted = await readNote(beside);
  if (noted !== undefined) {
    await takeOver(noted, beside);
    return describe(noted, join(noted, DATA));
  }
  if (account === undefined || (await canReach(account, beside))) return describe(beside, dataDir);
  if (!(await isVacant(dataDir)))
    throw unusable(
      `the data are in ${dataDir}, where the server, which does not run as root, cannot go: let others pass through the folders above it (chmod o+x)`,
    );
  const directory = await relocate(beside, isNew);
  return describe(directory, join(directory, DATA));
}

function describe(directory: string, dataDir: string): Home {
  return { directory, dataDir, serverFolder: join(directory, SERVER) };
}

/** Real paths: the same folder has the same name, whatever links lead to it. */
async function locate(requested: string): Promise<{ readonly beside: string; readonly dataDir: string }> {
  const beside = await realpath(dirname(resolve(requested)));
  const dataDir = join(beside, basename(resolve(requested)));
  return { beside, dataDir: await realpath(dataDir).catch(absent(dataDir)) };
}

/** For `catch`: this value when there is no such file; every other fault is one. */
function absent<T>(value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT') return value;
    throw error;
  };
}

/** Is there no such folder, or nothing in it? A folder that cannot be read is neither. */
export async function isVacant(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).length === 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw unusable(`${folder} cannot be read`, error);
  }
}

async function readNote(beside: string): Promise<string | undefined> {
  const file = join(beside, NOTE);
  const text = await readIfPresent(file).catch((error: unknown) => {
    throw unusable(`${file}, which says where the data are, cannot be read`, error);
  });
  const noted = text?.trim();
  if (noted === undefined || (dirname(noted) === REACHABLE_ROOT && /^\w+$/.test(basename(noted))))
    return noted;
  throw unusable(
    `${file} does not say where the data are: the folder in ${REACHABLE_ROOT} whose file ${OWNER} names ${beside} holds them; write its path there`,
  );
}

/** Of a folder that was renamed, its new name is noted. A copy of it is refused: two servers must not share data. */
async function takeOver(noted: string, beside: string): Promise<void> {
  if ((await stat(noted).catch(absent(undefined))) === undefined) {
    throw unusable(
      `${join(beside, NOTE)} says that the data are in ${noted}, which is not there: restore it, or start afresh with \`flotilla down --reset\``,
    );
  }
  const owner = await ownerOf(noted);
  if (owner === beside) return;
  if (owner !== undefined && (await holds(owner, noted)) && !(await isSame(owner, beside))) {
    throw unusable(
      `the data in ${noted} belong to ${owner}, of which ${beside} is a copy: to begin with empty databases here, delete ${join(beside, NOTE)} and the system's other data`,
    );
  }
  await writeWhole(join(noted, OWNER), beside);
}

async function ownerOf(directory: string): Promise<string | undefined> {
  return (await readIfPresent(join(directory, OWNER))) || undefined;
}

/** Is the folder that is said to own these data still there, and does its note say so, too? */
async function holds(owner: string, noted: string): Promise<boolean> {
  return (await readNote(owner)) === noted;
}

async function isSame(a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all([stat(a), stat(b)]);
  return one.dev === other.dev && one.ino === other.ino;
}

/** The owner is written before the note: of a start that is killed in between, the empty folder is found and used. */
async function relocate(beside: string, isNew: boolean): Promise<string> {
  await mkdir(REACHABLE_ROOT, { recursive: true });
  await chmod(REACHABLE_ROOT, 0o711);
  const begun = isNew ? undefined : await findBegun(beside);
  const directory = begun ?? join(REACHABLE_ROOT, randomBytes(8).toString('hex'));
  if (begun === undefined) {
    await mkdir(directory);
    await chmod(directory, 0o711);
    await writeWhole(join(directory, OWNER), beside);
  }
  await writeWhole(join(beside, NOTE), directory);
  return directory;
}

/** A folder of ours without a note. One that has data is not simply left behind, nor taken: somebody lost the note. */
async function findBegun(beside: string): Promise<string | undefined> {
  for (const name of await readdir(REACHABLE_ROOT)) {
    const directory = join(REACHABLE_ROOT, name);
    if ((await ownerOf(directory)) !== beside) continue;
    if (await isVacant(join(directory, DATA))) return directory;
    throw unusable(
      `there are data of ${beside} in ${directory}, but no ${join(beside, NOTE)} that says so: write that path there to use them, or move ${directory} away to begin without`,
    );
  }
  return undefined;
}

/** Are there data of a server, here or where they were moved to? */
export async function hasEmbeddedPostgres(requested: string): Promise<boolean> {
  if ((await stat(dirname(resolve(requested))).catch(absent(undefined))) === undefined) return false;
  const { beside, dataDir } = await locate(requested);
  return (await readNote(beside)) !== undefined || !(await isVacant(dataDir));
}

/** Deletes the data of a server that is not running, wherever it lives. Data that another folder uses are left alone. */
export async function removeEmbeddedPostgres(requested: string): Promise<void> {
  if ((await stat(dirname(resolve(requested))).catch(absent(undefined))) === undefined) return;
  const { beside, dataDir } = await locate(requested);
  const noted = await readNote(beside);
  if (noted !== undefined && (await isOwn(noted, beside))) await rm(noted, { recursive: true, force: true });
  for (const path of [dataDir, resolve(requested)]) await rm(path, { recursive: true, force: true });
  for (const name of [...(await unfinishedOf(dataDir)), NOTE, PASSWORD, SERVER, SOCKET])
    await rm(join(beside, name), { recursive: true, force: true });
}

async function isOwn(noted: string, beside: string): Promise<boolean> {
  const owner = await ownerOf(noted);
  return owner === undefined || owner === beside || !(await holds(owner, noted));
}

/** What interrupted runs of initdb left beside a data directory. */
export async function unfinishedOf(dataDir: string): Promise<readonly string[]> {
  const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(-password)?$/;
  const prefix = `${basename(dataDir)}.new-`;
  const names = await readdir(dirname(dataDir)).catch(absent([]));
  return names.filter((name) => name.startsWith(prefix) && uuid.test(name.slice(prefix.length)));
}

/** Of the superuser; `undefined` when there is none, or it was lost. Readable by us alone. */
export async function readPassword(home: Home): Promise<string | undefined> {
  const file = passwordFile(home);
  const password = await readIfPresent(file).catch((error: unknown) => {
    throw unusable(`${file}, the superuser's password, cannot be read`, error);
  });
  return password?.trim() || undefined;
}

export async function keepPassword(home: Home, password: string): Promise<void> {
  await writeWhole(passwordFile(home), password);
}

export function passwordFile(home: Home): string {
  return join(home.directory, PASSWORD);
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

/** Nothing was changed: whoever reads it has to decide. */
export function unusable(message: string, cause?: unknown): PlatformError {
  const why = cause instanceof Error ? ` (${cause.message})` : '';
  return new PlatformError('POSTGRES_DATA_DIR_UNUSABLE', `${message}${why}. Nothing was changed`, { cause });
}
