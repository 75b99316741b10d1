import { createDistribution, type Distribution, type Origin, record } from './distribution.ts';
import type { Counter, Gauge, Histogram, Labels } from './metrics.ts';
import type { MetricKind, MetricName } from './names.ts';

/** A metric with all its series, for whoever shows them. */
export interface MetricFamily extends MetricName {
  readonly kind: MetricKind;
  /** Upper bounds of a histogram. */
  readonly bounds: readonly number[];
  series(): Iterable<Series>;
}

/** One label set and what it holds: the one that belongs to the kind. */
export interface Series {
  /** In the order of `labelNames`. */
  readonly labels: readonly string[];
  /** Rendered `name="value"` pairs, comma-separated. */
  readonly pairs: string;
  readonly cell: Cell;
}

export interface Cell {
  value: number;
  readonly distribution?: Distribution;
}

/** Why an observation was not taken as it came. */
export type RefusalReason = 'not-a-number' | 'negative' | 'unknown-label' | 'too-many-series';

export interface FamilyOptions extends MetricName {
  readonly maxSeries: number;
  readonly onRefused: (why: RefusalReason) => void;
}

const OVERFLOW = 'overflow';

interface SeriesMap {
  /** `undefined` when the labels are not those of the metric. */
  of(labels: Labels | undefined): Cell | undefined;
  entries(): Iterable<Series>;
}

function createSeries(options: FamilyOptions, create: () => Cell): SeriesMap {
  const { labelNames, maxSeries, onRefused } = options;
  const series = new Map<string, Series>();
  const resolve = (labels: readonly string[]): Cell => {
    const key = labels.join('\u0000');
    const known = series.get(key);
    if (known) return known.cell;
    if (series.size >= maxSeries && labels.some((value) => value !== OVERFLOW)) {
      onRefused('too-many-series');
      return resolve(labelNames.map(() => OVERFLOW));
    }
    const pairs = labelNames.map((name, index) => `${name}="${escapeLabel(labels[index] ?? '')}"`).join(',');
    const cell = create();
    series.set(key, { labels, pairs, cell });
    return cell;
  };
  // A metric without labels has exactly one series, and shows it from the start.
  const only = labelNames.length === 0 ? resolve([]) : undefined;
  return {
    of: (labels) => {
      if (hasUnknown(labelNames, labels)) {
        onRefused('unknown-label');
        return undefined;
      }
      return only ?? resolve(labelNames.map((name) => storable(labels?.[name])));
    },
    entries: () => series.values(),
  };
}

function hasUnknown(labelNames: readonly string[], labels: Labels | undefined): boolean {
  for (const name in labels) if (!labelNames.includes(name)) return true;
  return false;
}

/** Text as it will be on the wire, where what is no UTF-16 becomes U+FFFD: two keys here must not be one series there. */
function storable(value: unknown): string {
  const text = value === undefined ? '' : String(value).toWellFormed();
  return text.includes('\u0000') ? text.replaceAll('\u0000', '\ufffd') : text;
}

export function createCounter(options: FamilyOptions): Counter & MetricFamily {
  const series = createSeries(options, () => ({ value: 0 }));
  const add = (cell: Cell | undefined, by: number) => {
    if (cell === undefined) return;
    if (!Number.isFinite(by)) options.onRefused('not-a-number');
    else if (by < 0) options.onRefused('negative');
    else cell.value += by;
  };
  return {
    ...describe(options, 'counter', series),
    inc: (labels, by = 1) => add(series.of(labels), by),
    bind: (labels) => {
      const cell = series.of(labels);
      return { inc: (by = 1) => add(cell, by) };
    },
    reach: (total, labels) => {
      const cell = series.of(labels);
      if (cell !== undefined) add(cell, Math.max(0, total - cell.value));
    },
    startAtZero: (values) => startAtZero(series, values),
  };
}

export function createGauge(options: FamilyOptions): Gauge & MetricFamily {
  const series = createSeries(options, () => ({ value: 0 }));
  // NaN and Infinity are values of a gauge; `undefined` and text would cost the whole scrape.
  const change = (value: number, labels: Labels | undefined, next: (held: number) => number) => {
    if (typeof value !== 'number') return options.onRefused('not-a-number');
    const cell = series.of(labels);
    if (cell !== undefined) cell.value = next(cell.value);
  };
  return {
    ...describe(options, 'gauge', series),
    set: (value, labels) => change(value, labels, () => value),
    add: (by, labels) => change(by, labels, (held) => held + by),
    startAtZero: (values) => startAtZero(series, values),
  };
}

export function createHistogram(options: FamilyOptions, bounds: readonly number[]): Histogram & MetricFamily {
  assertBounds(options.name, bounds);
  const series = createSeries(options, () => ({ value: 0, distribution: createDistribution(bounds.length) }));
  const observe = (cell: Cell | undefined, value: number, origin?: Origin) => {
    if (cell?.distribution === undefined) return;
    // One NaN would make the sum NaN for ever.
    if (!Number.isFinite(value)) return options.onRefused('not-a-number');
    record(cell.distribution, bounds, value, origin);
  };
  return {
    ...describe(options, 'histogram', series, bounds),
    observe: (value, labels, origin) => observe(series.of(labels), value, origin),
    bind: (labels) => {
      const cell = series.of(labels);
      return { observe: (value, origin) => observe(cell, value, origin) };
    },
    reach: (counts, sum) => {
      const { distribution } = series.of({}) ?? {};
      if (distribution === undefined) return;
      distribution.exponential = undefined;
      distribution.counts.splice(0, distribution.counts.length, ...counts);
      distribution.count = counts.reduce((total, count) => total + count, 0);
      distribution.sum = sum;
    },
  };
}

function assertBounds(name: string, bounds: readonly number[]): void {
  const ascending = bounds.every((bound, index) => index === 0 || bound > (bounds[index - 1] ?? bound));
  if (bounds.length === 0 || !ascending || !bounds.every(Number.isFinite))
    throw new RangeError(`metric ${name}: buckets must be finite and ascending, got ${bounds.join(' ')}`);
}

function describe(
  { name, help, labelNames, unit }: FamilyOptions,
  kind: MetricKind,
  series: SeriesMap,
  bounds: readonly number[] = [],
): MetricFamily {
  return { name, help, labelNames, unit, kind, bounds, series: () => series.entries() };
}

/** Every combination of the values, so that the first event is an increase and not a birth. */
function startAtZero(series: SeriesMap, values: Readonly<Record<string, readonly string[]>>): void {
  let sets: Labels[] = [{}];
  for (const [name, options] of Object.entries(values))
    sets = sets.flatMap((set) => options.map((value) => ({ ...set, [name]: value })));
  for (const set of sets) series.of(set);
}

export function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}
