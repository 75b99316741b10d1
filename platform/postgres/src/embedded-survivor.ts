import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const FAST_SHUTDOWN_MS = 15_000;

/**
 * Clears the way for a new server: one that survived its supervisor is stopped; a pid file whose process is
 * gone, or whose number now belongs to some other program, is removed (PostgreSQL itself would refuse that).
 */
export async function removeSurvivor(dataDir: string): Promise<void> {
  const pid = await readPid(dataDir);
  if (pid === undefined) return;
  await stopServer(pid, dataDir);
  await rm(join(dataDir, 'postmaster.pid'), { force: true });
}

/** The process named by the data directory's pid file. */
export async function readPid(dataDir: string): Promise<number | undefined> {
  const content = await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number.parseInt(content, 10);
  return pid > 1 ? pid : undefined;
}

/** Fast shutdown; an immediate one, which the next start recovers from, when that takes too long. Nothing if it is gone. */
export async function stopServer(pid: number, dataDir: string): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (!(await isServerOf(pid, dataDir)) || !sendSignal(pid, signal)) return;
    const end = performance.now() + FAST_SHUTDOWN_MS;
    while (performance.now() < end) {
      if (!(await isServerOf(pid, dataDir))) return;
      await delay(20);
    }
  }
}

function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false; // it has ended meanwhile
  }
}

/** A number alone proves nothing, it may have been given to another program: the command line must be the server's. */
async function isServerOf(pid: number, dataDir: string): Promise<boolean> {
  const command = await commandLine(pid);
  return /(^|\/)postgres\s/.test(command) && command.includes(` -D ${dataDir} `);
}

async function commandLine(pid: number): Promise<string> {
  if (process.platform === 'linux') {
    const raw = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return raw.replaceAll('\0', ' ');
  }
  const { stdout } = await promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => ({
    stdout: '',
  }));
  return `${stdout.trim()} `;
}
