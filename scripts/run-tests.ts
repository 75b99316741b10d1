import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

export interface TestRun {
  /** The whole environment of every test process. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends the run. */
  readonly signal: AbortSignal;
  readonly acceptSkipped: boolean;
  /** Only tests with such a name. */
  readonly namePattern: string | undefined;
}

const SLOWEST = 10;
/** A test that hangs fails with its name; the longest file takes 4 minutes on two quiet cores, and several times that on busy ones. */
const TIMEOUT_MS = 25 * 60_000;

/**
 * Runs each file in a process of its own and prints the report, in the order of the files; what fails is told at once,
 * too. Resolves with the exit code, 130 after an abort.
 */
export async function runTests(files: readonly string[], options: TestRun): Promise<number> {
  const { env, signal, acceptSkipped, namePattern } = options;
  // One more than there are processors: most tests wait for others most of the time, and more only take each other's.
  const concurrency = availableParallelism() + 1;
  const events = run({
    files: [...files],
    concurrency,
    timeout: TIMEOUT_MS,
    execArgv: ['--import', join(import.meta.dirname, 'end-with-run.ts')],
    env,
    signal,
    ...(namePattern !== undefined && { testNamePatterns: new RegExp(namePattern) }),
  });
  const seconds = new Map<string, number>();
  let succeeded = false;
  let skipped = 0;
  events.on('test:complete', ({ name, file, nesting, details }) => {
    if (details.passed === false && nesting === 0) console.error(`✖ ${fileName(file)}: ${name}`);
  });
  events.on('test:summary', ({ file, counts, duration_ms, success }) => {
    if (file !== undefined) seconds.set(fileName(file), duration_ms / 1_000);
    else [succeeded, skipped] = [success, counts.skipped];
  });
  for await (const text of events.compose(spec)) process.stdout.write(text);
  if (signal.aborted) return 130;
  for (const line of [...slowest(seconds), ...processorTime()]) console.log(line);
  if (!acceptSkipped && skipped > 0) {
    console.error(`${skipped} tests were skipped, which CI does not accept.`);
    return 1;
  }
  return succeeded ? 0 : 1;
}

function slowest(seconds: ReadonlyMap<string, number>): readonly string[] {
  if (seconds.size <= SLOWEST) return [];
  const ranked = [...seconds].sort(([, a], [, b]) => b - a).slice(0, SLOWEST);
  return [
    'Files that took longest:',
    ...ranked.map(([file, taken]) => `${taken.toFixed(1).padStart(6)} s  ${file}`),
  ];
}

const TICKS_PER_SECOND = 100;

/**
 * Of all test processes and what they have started, where Linux tells it: what a run costs on any machine, however busy.
 * Beside the time that it took it says whether the processors had something to do.
 */
function processorTime(): readonly string[] {
  try {
    const fields = readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    const seconds = (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND; // cutime, cstime
    return [
      `Processor time: ${seconds.toFixed(0)} s in ${process.uptime().toFixed(0)} s on ${availableParallelism()} processors`,
    ];
  } catch {
    return [];
  }
}

function fileName(file: string | undefined): string {
  return relative('.', file ?? '');
}
