import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { chmod, lstat, mkdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { cliError } from '../errors.ts';
import { checkMark } from './data-dir-mark.ts';

/** Everything a running system keeps, by default in `.flotilla` beside its configuration. */
export interface DataDir {
  readonly path: string;
  readonly postgresData: string;
  readonly postgresLog: string;
  readonly logs: string;
  readonly secretsFile: string;
  /** Says that the folder is ours, and what was made elsewhere. */
  readonly markFile: string;
  readonly compileCache: string;
  readonly controlSocket: string;
}

const LONGEST_SOCKET_PATH = 100; // the kernel's limit is 104 bytes on macOS, 108 on Linux

export function dataDirAt(path: string): DataDir {
  const at = realPath(resolve(path));
  return {
    path: at,
    postgresData: join(at, 'postgres', 'data'),
    postgresLog: join(at, 'logs', 'postgres-1.log'),
    logs: join(at, 'logs'),
    secretsFile: join(at, 'secrets.json'),
    markFile: join(at, 'flotilla.json'),
    compileCache: join(at, 'compile-cache'),
    controlSocket: controlSocket(at),
  };
}

/** Whatever links lead to it, it has one name: by it others are kept out. What is not there yet has no links. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || path === dirname(path)) throw error;
    return join(realPath(dirname(path)), basename(path));
  }
}

/** Both ends work it out from the data directory's path, so nothing has to be written down. */
function controlSocket(path: string): string {
  const socket = join(path, 'control.sock');
  if (Buffer.byteLength(socket) <= LONGEST_SOCKET_PATH) return socket;
  const name = createHash('sha256').update(path).digest('hex').slice(0, 24);
  return `/tmp/flotilla-${process.getuid?.() ?? 0}/${name}.sock`;
}

/** Fails with `CLI_DATA_DIR_FOREIGN` when there is something else in the folder. */
export async function createDataDir(dataDir: DataDir): Promise<void> {
  await mkdir(dataDir.path, { recursive: true });
  await checkMark(dataDir);
  await mkdir(dataDir.logs, { recursive: true });
  // PostgreSQL does not run as root and must pass through; what is secret in here has its own mode.
  if (process.getuid?.() === 0) await chmod(dataDir.path, 0o711);
  await createSocketFolder(dataDir);
}

export async function createSocketFolder(dataDir: DataDir): Promise<void> {
  const folder = dirname(dataDir.controlSocket);
  if (folder !== dataDir.path) await createPrivateFolder(folder);
}

/** In /tmp anybody may have made it first. */
async function createPrivateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const found = await lstat(folder);
  if (found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0) return;
  throw cliError(
    'CLI_START_FAILED',
    `${folder} belongs to somebody else: use a data directory with a shorter path`,
  );
}
