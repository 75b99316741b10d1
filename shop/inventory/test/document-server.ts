import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';

const SCRIPT = join(import.meta.dirname, '../../../scripts/judges/ferretdb.sh');

/** A server that speaks MongoDB's protocol, with a folder of its own. */
export interface DocumentServer {
  /** Without a database. */
  readonly uri: string;
  /** SIGKILL; it is there again, at the same address, when the promise is settled. `undefined`: not ours to kill. */
  readonly crash: (() => Promise<void>) | undefined;
  close(): Promise<void>;
}

/**
 * How to have one: the server that `FLOTILLA_TEST_MONGODB` names, or the FerretDB that `scripts/judges/ferretdb.sh` has built;
 * built now under CI where Go is there. `undefined`: there is none, and whoever asks defines no test.
 */
export function findDocumentServer(
  env: NodeJS.ProcessEnv = process.env,
): (() => Promise<DocumentServer>) | undefined {
  const named = env['FLOTILLA_TEST_MONGODB'];
  if (named !== undefined)
    return async () => ({ uri: named.replace(/\/*$/, ''), crash: undefined, close: async () => undefined });
  const cache = join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'flotilla-judges');
  const folders = [...(env['PATH'] ?? '').split(delimiter), '/usr/local/go/bin'];
  const hasGo = folders.some((folder) => existsSync(join(folder, 'go')));
  const isBuilt = existsSync(join(cache, 'ferretdb-v1.24.2/ferretdb'));
  if (!isBuilt && !(hasGo && env['CI'] === 'true')) return undefined;
  const { status, stdout } = spawnSync(SCRIPT, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  return status === 0 ? () => startFerretDb(stdout.trim()) : undefined;
}

async function startFerretDb(program: string): Promise<DocumentServer> {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-ferretdb-'));
  let running = await start(program, '127.0.0.1:0', folder);
  const { uri } = running;
  const { host } = new URL(uri.replace('mongodb:', 'http:'));
  const end = async () => {
    const ended = once(running.child, 'exit');
    if (running.child.kill('SIGKILL')) await ended;
  };
  return {
    uri: uri.replace(/\/*$/, ''),
    crash: async () => {
      await end();
      running = await start(program, host, folder);
    },
    close: async () => {
      await end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function start(
  program: string,
  address: string,
  folder: string,
): Promise<{ readonly child: ChildProcess; readonly uri: string }> {
  const child = spawn(program, [address, 'sqlite', folder], { stdio: ['ignore', 'pipe', 'ignore'] });
  process.once('exit', () => child.kill('SIGKILL'));
  const [uri] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  child.stdout.resume();
  return { child, uri };
}
