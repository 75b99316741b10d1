import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { median, pairedRatios, summary } from './statistics.ts';

/** Runs of one contender in one scenario: a figure for each run, by metric. */
export interface Series {
  readonly scenario: string;
  readonly contender: string;
  readonly ours: boolean;
  readonly runs: readonly Figures[];
}

export type Figures = Readonly<Record<string, number>>;

/** Collects the runs of a benchmark; prints them as tables and leaves them in a JSON file. */
export interface Report {
  /** Says on standard error what a run gave: a benchmark takes minutes. */
  add(scenario: string, contender: { readonly name: string; readonly ours: boolean }, figures: Figures): void;
  print(): void;
  /** Every run, with what the machine is, as `<folder>/<benchmark>.json`. */
  write(folder: string): Promise<void>;
}

export function createReport(benchmark: string, startedAt: Date): Report {
  const series: Series[] = [];
  return {
    add: (scenario, { name, ours }, figures) => {
      const at = series.findIndex((one) => one.scenario === scenario && one.contender === name);
      const runs = [...(series[at]?.runs ?? []), figures];
      series.splice(at < 0 ? series.length : at, at < 0 ? 0 : 1, { scenario, contender: name, ours, runs });
      const told = Object.entries(figures).map(
        ([metric, value]) => `${value.toFixed(digitsFor([value]))} ${metric}`,
      );
      console.error(`${scenario}: ${name}, run ${runs.length}: ${told.join(', ')}`);
    },
    print: () => {
      for (const scenario of new Set(series.map((one) => one.scenario))) {
        console.log(`\n${table(series.filter((one) => one.scenario === scenario)).join('\n')}`);
      }
    },
    write: async (folder) => {
      await mkdir(folder, { recursive: true });
      const facts = { benchmark, startedAt: startedAt.toISOString(), machine: machine(), series };
      await writeFile(join(folder, `${benchmark}.json`), `${JSON.stringify(facts, undefined, 2)}\n`);
    },
  };
}

export function machine() {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    platform: process.platform,
    node: process.version,
  };
}

/** One line for each metric of each contender, peers with the ratio of ours to theirs. */
function table(series: readonly Series[]): readonly string[] {
  const ours = series.find((one) => one.ours);
  const lines = series.flatMap((one) =>
    Object.keys(one.runs[0] ?? {}).map((metric) => {
      const values = one.runs.map((run) => run[metric] ?? Number.NaN);
      const compared = ours?.runs.map((run) => run[metric] ?? Number.NaN) ?? [];
      const ratio =
        one.ours || compared.length === 0 ? '' : median(pairedRatios(compared, values)).toFixed(2);
      return [one.contender, metric, summary(values, digitsFor(values)), ratio] as const;
    }),
  );
  const rows = [['', '', 'median (range)', 'ours ÷ this'] as const, ...lines];
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const title = series[0]?.scenario ?? '';
  return [
    title,
    ...rows.map(
      (row) =>
        `  ${row
          .map((cell, n) => cell.padEnd(widths[n] ?? 0))
          .join('  ')
          .trimEnd()}`,
    ),
  ];
}

function digitsFor(values: readonly number[]): number {
  const size = Math.abs(median(values));
  if (size >= 100) return 0;
  return size >= 10 ? 1 : 2;
}
