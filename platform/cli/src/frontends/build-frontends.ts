import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { statIfPresent } from '@flotilla/kernel/files';
import type { FrontendConfig, SystemConfig } from '../config.ts';
import { hashOfInputs } from './inputs.ts';
import { install, readStamp } from './install.ts';

export interface FrontendsToBuild {
  readonly system: Pick<SystemConfig, 'frontends'>;
  readonly root: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  /** What the user should know, a line each. */
  readonly say: (line: string) => void;
}

const TIMEOUT_MS = 120_000;
/** Hidden: no page and no asset is called so. */
const UNDER_WAY = '.building-';
/** Of what a build prints, the end says why it failed. */
const MAX_OUTPUT_CHARACTERS = 20_000;

/**
 * Builds the front ends whose sources are not those of what was built. One that cannot be built is told in a line, and what
 * was built before stays: resolves with whether all are as their sources say, and never rejects.
 */
export async function buildFrontends(request: FrontendsToBuild): Promise<boolean> {
  const all = Object.entries(request.system.frontends ?? {});
  const done = await Promise.all(all.map(([name, frontend]) => buildIfStale(request, name, frontend)));
  return done.every(Boolean);
}

async function buildIfStale(
  request: FrontendsToBuild,
  name: string,
  frontend: FrontendConfig,
): Promise<boolean> {
  const output = join(request.root, frontend.output);
  try {
    const inputs = await hashOfInputs(request.root, frontend);
    if ((await readStamp(output))?.inputs === inputs) return true;
    const begin = performance.now();
    await buildInto(request, frontend, output, inputs);
    request.say(`${name}: its pages are built (${((performance.now() - begin) / 1_000).toFixed(1)} s)`);
    return true;
  } catch (error) {
    if (request.signal.aborted) return false;
    const reason = (error as Error).message;
    const instead = (await readStamp(output)) ? 'those built before are served' : 'it has none';
    request.say(`${name}: its pages could not be built, ${instead}: ${reason}`);
    return false;
  }
}

/** Built apart: two systems of one checkout may do it at the same time, and whoever is killed leaves the old pages whole. */
async function buildInto(
  { root, env, signal }: FrontendsToBuild,
  { build }: FrontendConfig,
  output: string,
  inputs: string,
): Promise<void> {
  await mkdir(output, { recursive: true });
  await removeLeftovers(output);
  const built = await mkdtemp(join(output, UNDER_WAY));
  try {
    await run([join(root, build), built], env, signal);
    await install(built, output, inputs);
  } finally {
    await rm(built, { recursive: true, force: true });
  }
}

/** Of builds whose process was killed: none that goes on is that old. */
async function removeLeftovers(output: string): Promise<void> {
  const names = (await readdir(output)).filter((name) => name.startsWith(UNDER_WAY));
  for (const path of names.map((name) => join(output, name))) {
    const found = await statIfPresent(path); // another build may just have come to its end
    if (found && Date.now() - found.mtimeMs > 2 * TIMEOUT_MS)
      await rm(path, { recursive: true, force: true });
  }
}

/** Behind everything else that wants the processor. Rejects with the first line that the program printed as an error. */
async function run(
  args: readonly string[],
  env: FrontendsToBuild['env'],
  signal: AbortSignal,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = spawn(process.execPath, args, {
    env,
    signal,
    timeout: TIMEOUT_MS,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (chunk: Buffer) => {
    output = (output + chunk).slice(-MAX_OUTPUT_CHARACTERS);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  child.once('spawn', () => {
    try {
      if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
    } catch {
      // It has ended already.
    }
  });
  child.once('error', reject);
  child.once('close', (code, killedBy) =>
    code === 0 ? resolve() : reject(new Error(reasonOf(output) ?? `it ended with ${killedBy ?? code}`)),
  );
  await promise;
}

/** The line that names the error; stacks and pictures of code stay out. */
function reasonOf(output: string): string | undefined {
  const lines = stripVTControlCharacters(output)
    .split('\n')
    .map((line) => line.trim());
  return lines.find((line) => /error/i.test(line)) ?? lines.find((line) => line !== '');
}
