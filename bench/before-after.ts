import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { createReport, type Series } from './report.ts';

/** What a change of the code must not slow down: each in a short run, ours alone. */
const COMPARED: readonly (readonly [benchmark: string, ...args: string[]])[] = [
  ['messaging', '--only', 'sustained, 1 message', '--contender', 'Flotilla', '--messages', '5000'],
  ['saga', '--only', 'Flotilla', '--sagas', '1000', '--sequential', '200'],
  ['gateway', '--only', 'JWT', '--requests', '30000'],
];

const HERE = resolve(import.meta.dirname, '..');

/** The same benchmarks here and in another checkout with its own `npm ci`, in turns: before, after, before, after, … */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      before: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      only: { type: 'string', default: '' },
      results: { type: 'string' },
    },
  });
  if (values.before === undefined) throw new TypeError('--before FOLDER: the other checkout');
  const before = resolve(values.before);
  const report = createReport('before-after', new Date());
  for (const [benchmark, ...options] of COMPARED.filter(([name]) => name.includes(values.only)))
    for (let round = 1; round <= Number(values.rounds); round += 1)
      // The one with `ours` is divided by the other.
      for (const [name, root] of [
        ['before', before],
        ['after', HERE],
      ] as const)
        for (const { scenario, contender, runs } of await measure(root, benchmark, options)) {
          const title = `${benchmark}: ${scenario}, ${contender}`;
          for (const figures of runs) {
            console.log(`${title}, ${name}: ${JSON.stringify(figures)}`);
            report.add(title, { name, ours: name === 'after' }, figures);
          }
        }
  report.print();
  if (values.results) await report.write(values.results);
}

/** One round, in a process of that checkout. */
async function measure(
  root: string,
  benchmark: string,
  options: readonly string[],
): Promise<readonly Series[]> {
  const results = await mkdtemp(join(tmpdir(), 'flotilla-bench-'));
  try {
    const program = `await (await import(${JSON.stringify(join(root, 'bench', `${benchmark}.ts`))})).run(process.argv.slice(1))`;
    const args = [...options, '--rounds', '1', '--results', results];
    const { status, error } = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', program, '--', ...args],
      { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] },
    );
    if (error) throw error;
    if (status !== 0) throw new Error(`${benchmark} failed in ${root}`);
    const { series } = JSON.parse(await readFile(join(results, `${benchmark}.json`), 'utf8')) as {
      readonly series: readonly Series[];
    };
    return series;
  } finally {
    await rm(results, { recursive: true, force: true });
  }
}
