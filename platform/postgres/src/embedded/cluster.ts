import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { chown, mkdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { PlatformError } from '@flotilla/kernel';
import { syncFolder } from '@flotilla/kernel/files';
import type { Account } from './account.ts';
import type { Binaries } from './binaries.ts';
import { type Home, isVacant, keepPassword, readPassword, unfinishedOf, unusable } from './home.ts';
import { removeSurvivor } from './survivor.ts';

/**
 * Makes the data directory where there is none, and clears the way for a server on it; returns the superuser's password.
 * A folder with anything in it is used as it is or refused: it is never made anew.
 */
export async function openCluster(
  home: Home,
  binaries: Binaries,
  account: Account | undefined,
): Promise<string> {
  const known = await readPassword(home);
  const password = known ?? randomBytes(24).toString('base64url');
  if (await isVacant(home.dataDir)) {
    if (known === undefined) await keepPassword(home, password);
    await initialise(home, binaries, account, password);
    return password;
  }
  await checkVersion(home.dataDir, binaries.majorVersion);
  await removeSurvivor(home.dataDir);
  if (known === undefined) {
    await setPassword(home.dataDir, binaries, account, password);
    await keepPassword(home, password); // when it is in force: the file is the truth for later starts
  }
  return password;
}

async function checkVersion(dataDir: string, majorVersion: number): Promise<void> {
  const file = join(dataDir, 'PG_VERSION');
  const made = await readFile(file, 'utf8').catch((error: unknown) => {
    throw unusable(
      `${dataDir} is not empty, and ${file} cannot be read: restore what is missing, or name another folder`,
      error,
    );
  });
  if (Number.parseInt(made, 10) === majorVersion) return;
  if (!/^\d/.test(made))
    throw unusable(`${file} does not say which PostgreSQL made the data: restore it from a backup`);
  throw new PlatformError(
    'POSTGRES_DATA_DIR_VERSION',
    `${dataDir} was made by PostgreSQL ${made.trim()}, this is ${majorVersion}: move the data with pg_dump, or start afresh with \`flotilla down --reset\``,
  );
}

/** initdb runs in a folder of another name, which is renamed when done: a killed one leaves no half data directory. */
async function initialise(
  home: Home,
  binaries: Binaries,
  account: Account | undefined,
  password: string,
): Promise<void> {
  const beside = dirname(home.dataDir);
  for (const name of await unfinishedOf(home.dataDir)) await rm(join(beside, name), { recursive: true });
  const unfinished = `${home.dataDir}.new-${randomUUID()}`;
  await mkdir(unfinished, { mode: 0o700 });
  const passwordFile = `${unfinished}-password`;
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (account) {
    for (const path of [unfinished, passwordFile]) await chown(path, account.uid, account.gid);
  }
  try {
    await runInitdb(binaries, account, unfinished, passwordFile);
  } finally {
    await rm(passwordFile, { force: true });
  }
  // Only an empty folder can be removed in this way, whatever has come to it meanwhile.
  await rmdir(home.dataDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw unusable(`${home.dataDir} is not empty any more`, error);
  });
  await rename(unfinished, home.dataDir);
  await syncFolder(beside);
}

async function runInitdb(
  binaries: Binaries,
  account: Account | undefined,
  dataDir: string,
  passwordFile: string,
): Promise<void> {
  const options = [
    `--pgdata=${dataDir}`,
    '--username=postgres',
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    // Code point order and full Unicode case mapping, the same on every operating system.
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-instructions',
  ];
  await run(binaries.initdb, options, { binaries, account, cwd: dataDir });
}

/**
 * In single-user mode, which asks for no password: whoever owns the files may do that. For one that was lost, so that
 * the server need not be waited for in vain.
 */
async function setPassword(
  dataDir: string,
  binaries: Binaries,
  account: Account | undefined,
  password: string,
): Promise<void> {
  const sql = `ALTER ROLE postgres PASSWORD '${password}';\n`;
  const options = ['--single', '-D', dataDir, 'postgres'];
  const said = await run(binaries.postgres, options, { binaries, account, cwd: '/', input: sql });
  if (/^\S.*(ERROR|FATAL): /m.test(said)) throw startFailed('the lost password cannot be replaced', said);
}

/** Runs a program of the server to its end; resolves with what it complained about. */
async function run(
  program: string,
  options: readonly string[],
  how: {
    readonly binaries: Binaries;
    readonly account: Account | undefined;
    readonly cwd: string;
    readonly input?: string;
  },
): Promise<string> {
  const name = basename(program);
  const child = spawn(program, options, {
    ...how.account,
    cwd: how.cwd,
    env: environment(how.binaries),
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  child.stdin.on('error', () => undefined); // it ended without reading: its exit code says so
  child.stdin.end(how.input);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  const [code, complaints] = await Promise.all([ended, text(child.stderr)]).catch((error: unknown) => {
    throw startFailed(`${name} cannot run here`, '', error);
  });
  if (code !== 0) throw startFailed(`${name} ended with ${code}`, complaints);
  return complaints;
}

/** Nothing of ours: PG* variables of the user must not change the server. */
export function environment(binaries: Binaries): Record<string, string> {
  return {
    PATH: '/usr/bin:/bin',
    LC_ALL: 'C',
    TZ: 'UTC',
    LD_LIBRARY_PATH: binaries.libraryPath,
    DYLD_LIBRARY_PATH: binaries.libraryPath,
  };
}

export function startFailed(what: string, output: string, cause?: unknown): PlatformError {
  const lines = output.trim().split('\n').slice(-10).join('\n');
  return new PlatformError(
    'POSTGRES_START_FAILED',
    `the embedded PostgreSQL did not start: ${what}${lines === '' ? '' : `\n${lines}`}\nAn existing server can be used instead: set DATABASE_URL`,
    { cause },
  );
}
