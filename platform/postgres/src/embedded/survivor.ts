import { execFile } from 'node:child_process';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { readIfPresent } from '@flotilla/kernel/files';
import { unusable } from './home.ts';

const FAST_SHUTDOWN_MS = 15_000;

/**
 * Clears the way for a new server: one that survived its supervisor is stopped; a pid file whose process is gone, or
 * whose number now belongs to some other program, is removed (PostgreSQL itself would refuse that). One that names no
 * process at all, as a power failure leaves it, proves nothing: then a server of this folder is looked for.
 */
export async function removeSurvivor(dataDir: string): Promise<void> {
  const content = await readPidFile(dataDir);
  if (content === undefined) return;
  const pid = parsePid(content);
  for (const survivor of pid === undefined ? await findServers(dataDir) : [pid])
    await stopServer(survivor, dataDir);
  await rm(pidFile(dataDir), { force: true });
}

/** The process named by the data directory's pid file. */
export async function readPid(dataDir: string): Promise<number | undefined> {
  return parsePid((await readPidFile(dataDir)) ?? '');
}

function pidFile(dataDir: string): string {
  return join(dataDir, 'postmaster.pid');
}

async function readPidFile(dataDir: string): Promise<string | undefined> {
  return await readIfPresent(pidFile(dataDir)).catch((error: unknown) => {
    throw unusable(`${pidFile(dataDir)}, which says whether a server runs, cannot be read`, error);
  });
}

function parsePid(content: string): number | undefined {
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
  return runs(await commandLine(pid), dataDir);
}

function runs(command: string, dataDir: string): boolean {
  return /^(?!\/bin\/sh ).*postgres /.test(command) && command.includes(` -D ${dataDir} `);
}

async function findServers(dataDir: string): Promise<readonly number[]> {
  if (process.platform === 'linux') {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
    const commands = await Promise.all(pids.map(commandLine));
    return pids.filter((_, index) => runs(commands[index] ?? '', dataDir));
  }
  const { stdout } = await promisify(execFile)('ps', ['-axo', 'pid=,command=']);
  const processes = [...stdout.matchAll(/^ *(\d+) (.*)$/gm)];
  return processes.filter(([, , command]) => runs(`${command} `, dataDir)).map(([, pid]) => Number(pid));
}

/** Empty when there is no such process. */
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
