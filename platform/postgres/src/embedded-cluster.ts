import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chown, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { PlatformError } from '@flotilla/kernel';
import type { Account } from './embedded-account.ts';
import type { Binaries } from './embedded-binaries.ts';
import type { Home } from './embedded-home.ts';

/** Makes the data directory unless it is there. Refuses one of another major version. */
export async function ensureCluster(
  home: Home,
  binaries: Binaries,
  account: Account | undefined,
  password: string,
): Promise<void> {
  const present = await readFile(join(home.dataDir, 'PG_VERSION'), 'utf8').catch(() => undefined);
  if (present === undefined) await initialise(home, binaries, account, password);
  else if (Number.parseInt(present, 10) !== binaries.majorVersion) {
    throw new PlatformError(
      'POSTGRES_DATA_DIR_VERSION',
      `${home.dataDir} was made by PostgreSQL ${present.trim()}, this is ${binaries.majorVersion}: move the data with pg_dump, or start afresh with \`flotilla down --reset\``,
    );
  }
}

/** initdb runs in a folder of another name, which is renamed when done: a killed one leaves no half data directory. */
async function initialise(
  home: Home,
  binaries: Binaries,
  account: Account | undefined,
  password: string,
): Promise<void> {
  const unfinished = `${home.dataDir}.new-${randomUUID()}`;
  await removeUnfinished(home.dataDir);
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
  // An unreadable or empty folder of this name holds no cluster: its PG_VERSION was looked for.
  await rm(home.dataDir, { recursive: true, force: true });
  await rename(unfinished, home.dataDir);
  await syncFolder(dirname(home.dataDir));
}

async function removeUnfinished(dataDir: string): Promise<void> {
  const prefix = `${basename(dataDir)}.new-`;
  const names = (await readdir(dirname(dataDir))).filter((name) => name.startsWith(prefix));
  for (const name of names) await rm(join(dirname(dataDir), name), { recursive: true, force: true });
}

/** The rename must not be lost in a power failure while the data inside survives. */
async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path);
  await folder.sync();
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
  const initdb = spawn(binaries.initdb, options, {
    ...account,
    cwd: dataDir,
    env: environment(binaries),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    initdb.once('error', reject);
    initdb.once('exit', resolve);
  });
  const [code, complaints] = await Promise.all([ended, text(initdb.stderr)]).catch((error: unknown) => {
    throw startFailed('initdb cannot run here', '', error);
  });
  if (code !== 0) throw startFailed(`initdb ended with ${code}`, complaints);
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
