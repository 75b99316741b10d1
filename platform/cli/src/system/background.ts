import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '@flotilla/kernel';
import { flag, type Invocation, number, type Values } from '../command-line/command.ts';
import { placeOf } from '../command-line/place.ts';
import { connectControl } from '../control/client.ts';
import { createDataDir, type DataDir } from '../data-dir/data-dir.ts';
import { cliError } from '../errors.ts';
import { refuseRunning } from './preflight.ts';

/** What a system in the background tells whoever started it. */
export type Report =
  | { readonly type: 'starting' }
  | { readonly type: 'running'; readonly banner: readonly string[]; readonly failed: readonly string[] };

const PROGRAM = join(import.meta.dirname, '../../bin/flotilla.js');
const DEFAULT_WAIT_SECONDS = 120;
const SHOWN_CHARS = 4_000;
const EXIT_INTERRUPTED = 130;

export function isInBackground(env: Invocation['env']): boolean {
  return env['FLOTILLA_DETACHED'] === '1';
}

/** To whoever started this system, while they still listen. */
export function report(env: Invocation['env'], what: Report): void {
  if (isInBackground(env) && process.connected) process.send?.(what, undefined, {}, () => undefined);
}

export function supervisorLog({ logs }: DataDir): string {
  return join(logs, 'supervisor.log');
}

/**
 * `flotilla up --detach`: starts the same in a process of its own, which outlives this one and its terminal. Resolves
 * once that has the right to the data, with `--wait` once everything is ready. Its end before that is an error that
 * shows what it said.
 */
export async function startInBackground(invocation: Invocation): Promise<number> {
  const { values, cwd, env } = invocation;
  const dataDir = placeOf(invocation);
  await refuseRunning(dataDir);
  await createDataDir(dataDir);
  const file = supervisorLog(dataDir);
  const log = openSync(file, 'a', 0o600);
  const begin = fstatSync(log).size;
  const { npm_lifecycle_event: _npm, FLOTILLA_NODE_REPLACED: _node, ...inherited } = env;
  const child = spawn(process.execPath, [PROGRAM, 'up', ...argumentsOf(values)], {
    cwd,
    env: { ...inherited, FLOTILLA_DETACHED: '1' },
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  try {
    return await follow(child, dataDir, values, async () =>
      (await readFile(file)).subarray(begin).toString(),
    );
  } finally {
    if (child.connected) child.disconnect();
    child.unref();
  }
}

async function follow(
  child: ChildProcess,
  dataDir: DataDir,
  values: Values,
  said: () => Promise<string>,
): Promise<number> {
  const waits = flag(values, 'wait');
  const limitSeconds = number(values, 'timeout') ?? DEFAULT_WAIT_SECONDS;
  const limit = new AbortController();
  const outcome = await Promise.race([
    reported(child, waits ? 'running' : 'starting'),
    once(child, 'exit').then(([code]) => ({ type: 'ended', code: code as number | null }) as const),
    systemClock.sleep(limitSeconds * 1_000, limit.signal).then(
      () => ({ type: 'late' }) as const,
      () => new Promise<never>(() => undefined),
    ),
    once(process, 'SIGINT').then(() => ({ type: 'interrupted' }) as const),
  ]);
  limit.abort();
  switch (outcome.type) {
    case 'ended':
      throw cliError('CLI_START_FAILED', `it did not start:\n${(await said()).trim().slice(-SHOWN_CHARS)}`);
    case 'late':
      throw cliError('CLI_NOT_READY', await whatIsMissing(dataDir, limitSeconds));
    case 'interrupted':
      child.kill('SIGTERM');
      await once(child, 'exit');
      return EXIT_INTERRUPTED;
    case 'starting':
      answer(values, { pid: child.pid }, [
        `It starts in the background (process ${child.pid}): flotilla ps shows how far it is`,
      ]);
      return 0;
    case 'running':
      answer(values, { pid: child.pid, failed: outcome.failed }, outcome.banner);
      return outcome.failed.length === 0 ? 0 : 1;
  }
}

function answer(values: Values, facts: object, lines: readonly string[]): void {
  console.log(flag(values, 'json') ? JSON.stringify(facts) : lines.join('\n'));
}

function reported(child: ChildProcess, wanted: Report['type']): Promise<Report> {
  return new Promise((resolve) => {
    child.on('message', (message) => {
      const told = message as Report;
      if (told.type === wanted) resolve(told);
    });
  });
}

async function whatIsMissing(dataDir: DataDir, seconds: number): Promise<string> {
  const instances = await connectControl(dataDir)
    .instances()
    .catch(() => []);
  const missing = instances
    .filter(({ ready }) => !ready)
    .map(({ instance, state }) => `${instance} ${state}`);
  return `not everything is ready after ${seconds} s (${missing.join(', ') || 'nothing has started'}); it goes on in the background: flotilla ps, flotilla logs, flotilla down`;
}

/** The options of this command line, but for those that are about the background. */
function argumentsOf(values: Values): readonly string[] {
  return Object.entries(values).flatMap(([name, value]) => {
    if (['detach', 'wait', 'timeout', 'json'].includes(name)) return [];
    if (typeof value === 'string') return [`--${name}=${value}`];
    if (typeof value === 'boolean') return [value ? `--${name}` : `--no-${name}`];
    return [];
  });
}
