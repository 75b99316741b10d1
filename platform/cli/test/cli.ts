import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { childEnvironment, eventually } from '@flotilla/kernel/testing';
import { connectControl, type InstanceStatus } from '../src/control/client.ts';
import { dataDirAt } from '../src/data-dir/data-dir.ts';

export const FIXTURE = join(import.meta.dirname, 'fixture');
export const BIN = join(import.meta.dirname, '../bin/flotilla.js');
export type Env = Readonly<Record<string, string>>;

export interface Outcome {
  readonly code: number;
  readonly out: string;
}

/** Runs one command to its end. */
export function flotilla(args: readonly string[], env: Env = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = { cwd: FIXTURE, env: { ...environment(), ...env } };
    const child = execFile(process.execPath, [BIN, ...args], options, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, out: stdout + stderr }),
    );
  });
}

export function environment(): Record<string, string> {
  return { ...childEnvironment(), NO_COLOR: '1' };
}

export interface Running {
  readonly process: ChildProcess;
  readonly output: () => string;
  readonly exited: Promise<number | null>;
  /** What `flotilla ps` lists, without a process for each question. */
  ps(): Promise<readonly InstanceStatus[]>;
}

/** `flotilla up` on a data directory; resolves with the banner. */
export async function up(
  dataDir: string,
  args: readonly string[] = ['--isolated'],
  env: Env = {},
): Promise<Running> {
  const child = spawn(process.execPath, [BIN, 'up', '--data-dir', dataDir, ...args], {
    cwd: FIXTURE,
    // As if started by an older Node: it ends with this process, even when that is killed.
    env: { ...environment(), FLOTILLA_NODE_REPLACED: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (output += chunk));
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  await eventually('it is up', () => output.includes('Ctrl-C stops it') || child.exitCode !== null);
  assert.equal(child.exitCode, null, output);
  return {
    process: child,
    output: () => output,
    exited,
    ps: connectControl(dataDirAt(dataDir)).instances,
  };
}

export async function withDataDir(work: (dataDir: string) => Promise<void>): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'flotilla-cli-'));
  await work(dataDir).finally(() => rm(dataDir, { recursive: true, force: true }));
}
