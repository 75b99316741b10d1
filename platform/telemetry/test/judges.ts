import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

const SCRIPT = join(import.meta.dirname, '../../../scripts/judges/telemetry.sh');

/**
 * The folder of the programs that `scripts/judges/telemetry.sh` has built; built now under CI where Go is there. `undefined`: there
 * are none, and whoever asks defines no test.
 */
export function findJudges(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const known = env['FLOTILLA_TEST_JUDGES'];
  if (known !== undefined) return known;
  const cache = join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'flotilla-judges');
  const folders = [...(env['PATH'] ?? '').split(delimiter), '/usr/local/go/bin'];
  const hasGo = folders.some((folder) => existsSync(join(folder, 'go')));
  const isBuilt = existsSync(cache) && spawnSync('sh', ['-c', `ls ${cache}/telemetry-*/otlp`]).status === 0;
  if (!isBuilt && !(hasGo && env['CI'] === 'true')) return undefined;
  const { status, stdout } = spawnSync(SCRIPT, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  return status === 0 ? stdout.trim() : undefined;
}

/** One line a sample, as Prometheus 3 would store it. Throws its message. */
export function parseAsPrometheus(
  judges: string,
  body: Uint8Array | string,
  contentType: string,
): readonly JudgedSample[] {
  return run(join(judges, 'exposition'), [contentType], body)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as JudgedSample);
}

export interface JudgedSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: string;
  readonly exemplar?: Readonly<Record<string, string>>;
  readonly exemplarAtMs?: number;
}

/** The request as the OpenTelemetry Collector has decoded it. Throws its message. */
export function decodeAsCollector(
  judges: string,
  signal: 'traces' | 'metrics' | 'logs',
  encoding: 'json' | 'proto',
  body: Uint8Array,
): unknown {
  return JSON.parse(run(join(judges, 'otlp'), [signal, encoding], body));
}

function run(program: string, args: readonly string[], input: Uint8Array | string): string {
  const { status, stdout, stderr } = spawnSync(program, args, {
    input,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(stderr);
  return stdout;
}
