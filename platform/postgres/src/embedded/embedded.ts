import { readFile, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { toError } from '@flotilla/kernel';
import pg from 'pg';
import { toPostgresError } from '../errors.ts';
import { serverAccount } from './account.ts';
import { findInstalled, prepareBinaries } from './binaries.ts';
import { openCluster, startFailed } from './cluster.ts';
import { makeSocketFolder, passwordFile, prepareHome, unusable } from './home.ts';
import { boundLog } from './log.ts';
import { freePort, type ServerProcess, spawnServer } from './process.ts';
import { readPid, stopServer } from './survivor.ts';

export interface EmbeddedPostgresOptions {
  /** Kept between runs; made when it is not there. One server at a time: the caller holds that right. */
  readonly dataDir: string;
  /** Default: any free port. */
  readonly port?: number;
  /** Appended to; kept short while the server runs, with what came before in `<logFile>.1`. */
  readonly logFile: string;
  /** Of each of the two. Default 10 MiB. */
  readonly maxLogBytes?: number;
  /** Server settings (`-c name=value`) on top of the defaults. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The server ended without `stop()`; it may be started again on the same data. */
  readonly onExit?: () => void;
}

export interface EmbeddedPostgres {
  /**
   * URI of the superuser. Contains its password. Its `host` parameter, which wins over the address before it as it does in libpq,
   * names the folder of the server's socket: a local connection costs less than one over TCP. Without it: 127.0.0.1.
   */
  readonly adminUri: string;
  readonly port: number;
  /** Of the postmaster. */
  readonly pid: number;
  /** Fast shutdown: open transactions are rolled back, committed ones are on disk. */
  stop(): Promise<void>;
  /** SIGKILL, for fault tests. */
  kill(): void;
}

const READY_TIMEOUT_MS = 120_000; // crash recovery replays up to max_wal_size
const ATTEMPTS = 100;

/**
 * Starts a PostgreSQL out of `node_modules` and returns when it accepts connections. Recovers whatever a crashed
 * previous run left: a surviving server is stopped, a stale pid file removed, an interrupted initdb done again, a lost
 * password replaced. The server ends with this process, even when that is killed. Fails with `POSTGRES_NO_BINARY`,
 * `POSTGRES_DATA_DIR_VERSION`, `POSTGRES_DATA_DIR_UNUSABLE` or `POSTGRES_START_FAILED`.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const installed = await findInstalled();
  const account = await serverAccount();
  const home = await prepareHome(options.dataDir, account);
  const binaries = await prepareBinaries(home.serverFolder, account, installed);
  const password = await openCluster(home, binaries, account);
  const { dataDir } = home;
  const socketFolder = await makeSocketFolder(home, account);
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort());
    const logStart = await stat(options.logFile).then(
      (file) => file.size,
      () => 0,
    );
    const server = await spawnServer({
      binaries,
      account,
      dataDir,
      port,
      logFile: options.logFile,
      settings: { ...options.settings, unix_socket_directories: quoteItem(socketFolder) },
    });
    const adminUri = uriOf(password, port, socketFolder);
    if (await becomesReady(server, adminUri, passwordFile(home)))
      return await handleOf(server, { adminUri, port, dataDir, options });
    const said = (await readFile(options.logFile)).subarray(logStart).toString();
    if (attempt === ATTEMPTS || !isPassing(said, options.port)) throw startFailed('it ended at once', said);
    await delay(100);
  }
}

function uriOf(password: string, port: number, socketFolder: string | undefined): string {
  const uri = new URL(`postgres://postgres:${password}@127.0.0.1:${port}/postgres`);
  // Percent-encoded throughout: `URLSearchParams` would write a space as +, which libpq takes for a plus.
  if (socketFolder !== undefined) uri.search = `?host=${encodeURIComponent(socketFolder)}`;
  return uri.href;
}

/** The setting is a list: a path with a comma or a space would be two. */
function quoteItem(path = ''): string {
  return path === '' ? '' : `"${path.replaceAll('"', '""')}"`;
}

/** Backends of a killed server need a moment to notice; a port that was free a moment ago may be taken. */
function isPassing(said: string, port: number | undefined): boolean {
  if (/pre-existing shared memory block/.test(said)) return true;
  return port === undefined && /could not (bind|create any TCP)/.test(said);
}

/** `false` when it ended first. Fails when waiting is of no use, and leaves no server behind then. */
async function becomesReady(server: ServerProcess, adminUri: string, passwordFile: string): Promise<boolean> {
  const end = performance.now() + READY_TIMEOUT_MS;
  while (!server.hasEnded()) {
    const refusal = await connect(adminUri);
    if (refusal === undefined) return true;
    const isWrong = sqlStateOf(refusal) === WRONG_PASSWORD;
    if (isWrong || performance.now() > end) {
      server.release();
      await server.ended;
      throw isWrong
        ? unusable(
            `the server does not accept the password in ${passwordFile}: put the right one back, or delete the file, and the next start sets a new one`,
          )
        : startFailed(`it was not ready within ${READY_TIMEOUT_MS / 1000} s`, refusal.message);
    }
    await delay(15);
  }
  return false;
}

const WRONG_PASSWORD = '28P01';

function sqlStateOf(error: Error): unknown {
  return toPostgresError(error).details['sqlState'];
}

/** Why it cannot be used yet: it refuses, or is still starting up. */
async function connect(adminUri: string): Promise<Error | undefined> {
  const client = new pg.Client({ connectionString: adminUri, connectionTimeoutMillis: 1_000 });
  client.on('error', () => undefined); // the query below reports it
  try {
    await client.connect();
    // Service roles reach their own database only; the superuser is not subject to this.
    await client.query('REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC');
    return undefined;
  } catch (error) {
    return toError(error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function handleOf(
  server: ServerProcess,
  at: {
    readonly adminUri: string;
    readonly port: number;
    readonly dataDir: string;
    readonly options: EmbeddedPostgresOptions;
  },
): Promise<EmbeddedPostgres> {
  const pid = await readPid(at.dataDir);
  if (pid === undefined) throw startFailed('its pid file is missing', '');
  let stopping = false;
  const leaveLog = boundLog(at.options.logFile, at.options.maxLogBytes ?? 10 * 1_048_576);
  const ended = server.ended.then(async () => {
    leaveLog();
    server.release();
    // The guardian may have been killed and the server not: it must not go on without one.
    await stopServer(pid, at.dataDir);
    if (!stopping) at.options.onExit?.();
  });
  return {
    adminUri: at.adminUri,
    port: at.port,
    pid,
    stop: async () => {
      stopping = true;
      if (!server.hasEnded()) await stopServer(pid, at.dataDir);
      await ended;
    },
    kill: () => process.kill(pid, 'SIGKILL'),
  };
}
