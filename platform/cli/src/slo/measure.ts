import { type Selector, type SloConfig, sourceOf } from './objectives.ts';
import { isPattern } from './rules.ts';

/** One sample of a scrape, `job` among its labels. */
export interface Sample {
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** How an objective stands, by what the processes have counted since they were started. */
export interface SloState {
  readonly name: string;
  readonly indicator: SloConfig['indicator'];
  readonly description: string;
  readonly objective: number;
  /** Events; `null` for a level. */
  readonly events: number | null;
  /** What part of them was good, or for a level 1 or 0; `null` while there were none. */
  readonly good: number | null;
  /** What is left of the budget: 1 all of it, below 0 more than there was. */
  readonly budgetLeft: number | null;
}

export function measureSlos(
  slos: Readonly<Record<string, SloConfig>>,
  samples: readonly Sample[],
): readonly SloState[] {
  return Object.entries(slos).map(([name, slo]) => {
    const { indicator, description, objective } = slo;
    const { events, good } = measureSlo(slo, samples);
    const budgetLeft = good === null ? null : 1 - (1 - good) / (1 - objective);
    return { name, indicator, description, objective, events, good, budgetLeft };
  });
}

export function measureSlo(
  slo: SloConfig,
  samples: readonly Sample[],
): { readonly events: number | null; readonly good: number | null } {
  const source = sourceOf(slo);
  const total = (selectors: readonly Selector[]) =>
    selectors
      .flatMap((selector) => samples.filter((sample) => isSelected(sample, selector)))
      .reduce((sum, { value }) => sum + value, 0);
  if (source.kind === 'level') {
    const levels = samples.filter((sample) => isSelected(sample, source.of)).map(({ value }) => value);
    return { events: null, good: levels.length === 0 ? null : Number(Math.max(...levels) <= source.above) };
  }
  const events = total(source.all);
  if (events === 0) return { events, good: null };
  return { events, good: ('good' in source ? total(source.good) : events - total(source.bad)) / events };
}

export function isSelected(sample: Sample, { metric, labels }: Selector): boolean {
  if (sample.metric !== metric) return false;
  return Object.entries(labels).every(([name, wanted]) => {
    const value = sample.labels[name] ?? '';
    return isPattern(wanted) ? new RegExp(`^(?:${wanted.slice(1, -1)})$`).test(value) : value === wanted;
  });
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** The samples of one process as it writes them: Prometheus text 0.0.4. */
export function parseSamples(text: string, job: string): readonly Sample[] {
  return text.split('\n').flatMap((line) => {
    const [, metric, pairs = '', value] = line.startsWith('#') ? [] : (LINE.exec(line) ?? []);
    if (metric === undefined || value === undefined) return [];
    const labels = [...pairs.matchAll(LABEL)].map(
      ([, name = '', raw = '']) =>
        [name, raw.replace(/\\(.)/g, (_all, one) => (one === 'n' ? '\n' : one))] as const,
    );
    const number = value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value);
    return [{ metric, labels: { ...Object.fromEntries(labels), job }, value: number }];
  });
}
