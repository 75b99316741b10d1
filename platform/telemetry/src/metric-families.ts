import type { Counter, Gauge, Histogram, Labels } from './metrics.ts';

/** A metric with all its series. */
export interface MetricFamily {
  /** HELP, TYPE and sample lines, each ended by a line feed. */
  render(): string;
}

interface FamilyOptions {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly maxSeries: number;
}

/** The value of one label set, found by its label values. */
interface SeriesMap<V> {
  of(labels: Labels | undefined): V;
  /** Rendered `name="value"` pairs, comma-separated, with the series' value. */
  entries(): Iterable<readonly [string, V]>;
}

const OVERFLOW = 'overflow';

function createSeries<V>({ labelNames, maxSeries }: FamilyOptions, create: () => V): SeriesMap<V> {
  const series = new Map<string, { readonly pairs: string; readonly value: V }>();
  const resolve = (values: readonly string[]): V => {
    const key = values.join('\u0000');
    const known = series.get(key);
    if (known) return known.value;
    const full = series.size >= maxSeries && values.some((value) => value !== OVERFLOW);
    if (full) return resolve(labelNames.map(() => OVERFLOW));
    const pairs = labelNames.map((name, index) => `${name}="${escapeLabel(values[index] ?? '')}"`).join(',');
    const value = create();
    series.set(key, { pairs, value });
    return value;
  };
  // A metric without labels has exactly one series, and shows it from the start.
  const only = labelNames.length === 0 ? resolve([]) : undefined;
  return {
    of: (labels) => only ?? resolve(labelNames.map((name) => labels?.[name] ?? '')),
    entries: () => [...series.values()].map(({ pairs, value }) => [pairs, value] as const),
  };
}

export function createCounter(options: FamilyOptions): Counter & MetricFamily {
  const series = createSeries(options, () => ({ value: 0 }));
  const add = (cell: { value: number }, by: number) => {
    if (by >= 0) cell.value += by;
  };
  return {
    inc: (labels, by = 1) => add(series.of(labels), by),
    bind: (labels) => {
      const cell = series.of(labels);
      return { inc: (by = 1) => add(cell, by) };
    },
    render: () => renderCells(options, 'counter', series),
  };
}

export function createGauge(options: FamilyOptions): Gauge & MetricFamily {
  const series = createSeries(options, () => ({ value: 0 }));
  return {
    set: (value, labels) => {
      series.of(labels).value = value;
    },
    add: (by, labels) => {
      series.of(labels).value += by;
    },
    render: () => renderCells(options, 'gauge', series),
  };
}

interface Distribution {
  /** One count per bucket, not cumulative, the last for +Inf. */
  readonly counts: number[];
  sum: number;
  count: number;
}

export function createHistogram(
  options: FamilyOptions,
  buckets: readonly number[],
): Histogram & MetricFamily {
  const ascending = buckets.every((bound, index) => index === 0 || bound > (buckets[index - 1] ?? bound));
  if (buckets.length === 0 || !ascending)
    throw new RangeError(`metric ${options.name}: buckets must be ascending, got ${buckets.join(' ')}`);
  const series = createSeries<Distribution>(options, () => ({
    counts: new Array<number>(buckets.length + 1).fill(0),
    sum: 0,
    count: 0,
  }));
  const observe = (into: Distribution, value: number) => {
    let index = 0;
    while (index < buckets.length && value > (buckets[index] ?? 0)) index += 1;
    into.counts[index] = (into.counts[index] ?? 0) + 1;
    into.sum += value;
    into.count += 1;
  };
  return {
    observe: (value, labels) => observe(series.of(labels), value),
    bind: (labels) => {
      const distribution = series.of(labels);
      return { observe: (value) => observe(distribution, value) };
    },
    render: () => {
      const lines = [...series.entries()].map(([pairs, held]) =>
        renderDistribution(options.name, buckets, pairs, held),
      );
      return header(options, 'histogram') + lines.join('');
    },
  };
}

function renderDistribution(
  name: string,
  buckets: readonly number[],
  pairs: string,
  { counts, sum, count }: Distribution,
): string {
  const prefix = pairs === '' ? '' : `${pairs},`;
  let cumulative = 0;
  let text = '';
  counts.forEach((held, index) => {
    cumulative += held;
    const bound = buckets[index];
    const le = bound === undefined ? '+Inf' : formatNumber(bound);
    text += `${name}_bucket{${prefix}le="${le}"} ${cumulative}\n`;
  });
  const suffix = pairs === '' ? '' : `{${pairs}}`;
  return `${text}${name}_sum${suffix} ${formatNumber(sum)}\n${name}_count${suffix} ${count}\n`;
}

function renderCells(
  options: FamilyOptions,
  type: 'counter' | 'gauge',
  series: SeriesMap<{ value: number }>,
): string {
  let text = header(options, type);
  for (const [pairs, { value }] of series.entries()) {
    text += `${options.name}${pairs === '' ? '' : `{${pairs}}`} ${formatNumber(value)}\n`;
  }
  return text;
}

function header({ name, help }: FamilyOptions, type: string): string {
  const escaped = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return `# HELP ${name} ${escaped}\n# TYPE ${name} ${type}\n`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}

function formatNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return String(value);
}
