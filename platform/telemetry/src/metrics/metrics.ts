import type { Origin } from './distribution.ts';
import { type ExpositionFormat, renderMetrics, type Target } from './exposition.ts';
import {
  createCounter,
  createGauge,
  createHistogram,
  type FamilyOptions,
  type MetricFamily,
  type RefusalReason,
} from './families.ts';
import { assertMetricName, type MetricKind, sampleNames, unitOf } from './names.ts';

export type Labels = Readonly<Record<string, string>>;

/** The values that each label can have. */
export type LabelValues = Readonly<Record<string, readonly string[]>>;

export interface Counter {
  /** Adds `by` (default 1, never negative) to the series of these labels. */
  inc(labels?: Labels, by?: number): void;
  /** The series of these labels, resolved once: for hot paths. */
  bind(labels: Labels): { inc(by?: number): void };
  /** The count as somebody else keeps it: becomes `total`, and never goes down. */
  reach(total: number, labels?: Labels): void;
  /** Shows every combination as 0 from now on: an alert sees the first event only as the increase of what was there before. */
  startAtZero(values: LabelValues): void;
}

export interface Gauge {
  set(value: number, labels?: Labels): void;
  add(by: number, labels?: Labels): void;
  /** As that of `Counter`. */
  startAtZero(values: LabelValues): void;
}

export interface Histogram {
  /** `origin`: the trace it was observed in; when that is sampled it is shown as an example of its bucket. */
  observe(value: number, labels?: Labels, origin?: Origin): void;
  /** The series of these labels, resolved once: for hot paths. */
  bind(labels: Labels): { observe(value: number, origin?: Origin): void };
  /** Without labels: the counts of each bucket, the one to +Inf included, and the sum, as somebody else keeps them. */
  reach(counts: readonly number[], sum: number): void;
}

/**
 * `unit` is UCUM (`{message}`, `{order}`); seconds, bytes and ratios follow from the name: `_seconds`, `_bytes`, `_ratio`. Asking again
 * for a name returns the same metric; with another kind or other labels it is a `RangeError`, as is every name that a scrape would lose.
 */
export interface Metrics {
  /** `name` ends in `_total`. */
  counter(name: string, help: string, labelNames?: readonly string[], unit?: string): Counter;
  gauge(name: string, help: string, labelNames?: readonly string[], unit?: string): Gauge;
  /** `buckets` are upper bounds in ascending order, without +Inf. */
  histogram(
    name: string,
    help: string,
    buckets: readonly number[],
    labelNames?: readonly string[],
    unit?: string,
  ): Histogram;
  /** Says up to which value a gauge is counted: from there on it is a floor. Shown as `telemetry_gauge_cap`. */
  cap(name: string, most: number): void;
  /** Runs before each reading, to set gauges that are read on demand. */
  beforeRender(read: () => void): void;
  /** As text, by default in Prometheus' format 0.0.4. */
  render(format?: ExpositionFormat): string;
  /** Everything that is measured, as it is now. */
  collect(): readonly MetricFamily[];
}

export interface MetricsOptions {
  /**
   * Label sets kept per metric; further ones are counted together under the label value `overflow`, so that
   * an unbounded label cannot exhaust memory. Default 1,000.
   */
  readonly maxSeries?: number;
  /** Labels of `target_info`: `service_name`, `service_version`, `service_instance_id`. Default: it is not shown. */
  readonly target?: Target;
  /** An observation was not taken as it came; once for each metric and reason. All are counted in `telemetry_refused_total`. */
  readonly onRefused?: (metric: string, why: RefusalReason) => void;
}

const REASONS: readonly RefusalReason[] = ['not-a-number', 'negative', 'unknown-label', 'too-many-series'];

/** A registry that holds what it says of itself: `telemetry_refused_total`. */
export function createMetrics({ maxSeries = 1_000, target, onRefused }: MetricsOptions = {}): Metrics {
  const families = new Map<string, { readonly shape: string; readonly family: MetricFamily }>();
  const taken = new Map<string, string>();
  const readers: (() => void)[] = [];
  const told = new Set<string>();
  const refusals = createRefusals();
  const caps = createCaps();
  for (const family of [refusals, caps]) {
    families.set(family.name, { shape: family.kind, family });
    taken.set(family.name, family.name);
  }

  function refused(metric: string, why: RefusalReason): void {
    refusals.inc({ why });
    if (told.has(`${metric} ${why}`)) return;
    told.add(`${metric} ${why}`);
    onRefused?.(metric, why);
  }

  function once<F extends MetricFamily>(
    kind: MetricKind,
    options: Pick<FamilyOptions, 'name' | 'help' | 'labelNames'> & { readonly unit: string | undefined },
    shapeOf: string,
    make: (options: FamilyOptions) => F,
  ): F {
    const { name, labelNames } = options;
    const shape = `${kind}${shapeOf}(${labelNames.join(',')})`;
    const known = families.get(name);
    if (known?.shape === shape) return known.family as F; // the same shape was made by the same `make`
    if (known) throw new RangeError(`metric ${name} exists as ${known.shape}, not ${shape}`);
    const described = { ...options, unit: unitOf(name, options.unit) };
    assertMetricName(kind, { ...described, unit: options.unit ?? described.unit });
    const names = sampleNames(kind, name);
    const clash = names.find((sample) => taken.has(sample));
    if (clash !== undefined)
      throw new RangeError(`metric ${name}: ${clash} is a sample of ${taken.get(clash)}`);
    const family = make({ ...described, maxSeries, onRefused: (why) => refused(name, why) });
    families.set(name, { shape, family });
    for (const sample of names) taken.set(sample, name);
    return family;
  }

  function collect(): MetricFamily[] {
    for (const read of readers) read();
    return [...families.values()].map(({ family }) => family);
  }

  return {
    counter: (name, help, labelNames = [], unit) =>
      once('counter', { name, help, labelNames, unit }, '', createCounter),
    gauge: (name, help, labelNames = [], unit) =>
      once('gauge', { name, help, labelNames, unit }, '', createGauge),
    histogram: (name, help, buckets, labelNames = [], unit) =>
      once('histogram', { name, help, labelNames, unit }, `[${buckets.join(' ')}]`, (options) =>
        createHistogram(options, buckets),
      ),
    cap: (metric, most) => caps.set(most, { metric }),
    beforeRender: (read) => readers.push(read),
    render: (format = 'prometheus') => renderMetrics(collect(), target, format),
    collect,
  };
}

/** Of the registry itself: it has room for every reason, and what it refuses is not counted again. */
function createRefusals() {
  const family = createCounter({
    name: 'telemetry_refused_total',
    help: 'Observations that were not taken as they came, by why.',
    labelNames: ['why'],
    unit: '{observation}',
    maxSeries: REASONS.length,
    onRefused: () => undefined,
  });
  family.startAtZero({ why: REASONS });
  return family;
}

function createCaps() {
  return createGauge({
    name: 'telemetry_gauge_cap',
    help: 'The value at which a gauge ceases to count: it is a floor from there on.',
    labelNames: ['metric'],
    unit: '{item}',
    maxSeries: 1_000,
    onRefused: () => undefined,
  });
}
