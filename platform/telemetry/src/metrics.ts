import { createCounter, createGauge, createHistogram, type MetricFamily } from './metric-families.ts';

export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  /** Adds `by` (default 1, never negative) to the series of these labels. */
  inc(labels?: Labels, by?: number): void;
  /** The series of these labels, resolved once: for hot paths. */
  bind(labels: Labels): { inc(by?: number): void };
}

export interface Gauge {
  set(value: number, labels?: Labels): void;
  add(by: number, labels?: Labels): void;
}

export interface Histogram {
  observe(value: number, labels?: Labels): void;
  /** The series of these labels, resolved once: for hot paths. */
  bind(labels: Labels): { observe(value: number): void };
}

export interface Metrics {
  /** Asking again for a name returns the same metric; with another kind or other labels it is a `RangeError`. */
  counter(name: string, help: string, labelNames?: readonly string[]): Counter;
  gauge(name: string, help: string, labelNames?: readonly string[]): Gauge;
  /** `buckets` are upper bounds in ascending order, without +Inf. */
  histogram(
    name: string,
    help: string,
    buckets: readonly number[],
    labelNames?: readonly string[],
  ): Histogram;
  /** Runs before each `render`, to set gauges that are read on demand. */
  beforeRender(read: () => void): void;
  /** Prometheus text exposition format 0.0.4. */
  render(): string;
}

export interface MetricsOptions {
  /**
   * Label sets kept per metric; further ones are counted together under the label value `overflow`, so that
   * an unbounded label cannot exhaust memory. Default 1,000.
   */
  readonly maxSeries?: number;
}

/** The content type of `render()`. */
export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** An empty registry. */
export function createMetrics({ maxSeries = 1_000 }: MetricsOptions = {}): Metrics {
  const families = new Map<string, { readonly shape: string; readonly family: MetricFamily }>();
  const readers: (() => void)[] = [];

  function once<F extends MetricFamily>(
    kind: string,
    name: string,
    labelNames: readonly string[],
    make: () => F,
  ): F {
    const shape = `${kind}(${labelNames.join(',')})`;
    const known = families.get(name);
    if (known?.shape === shape) return known.family as F; // the same shape was made by the same `make`
    if (known) throw new RangeError(`metric ${name} exists as ${known.shape}, not ${shape}`);
    if (!NAME.test(name)) throw new RangeError(`not a metric name: ${name}`);
    const wrong = labelNames.find((label) => !LABEL.test(label) || label.startsWith('__') || label === 'le');
    if (wrong !== undefined) throw new RangeError(`metric ${name}: not a label name: ${wrong}`);
    const family = make();
    families.set(name, { shape, family });
    return family;
  }

  return {
    counter: (name, help, labelNames = []) =>
      once('counter', name, labelNames, () => createCounter({ name, help, labelNames, maxSeries })),
    gauge: (name, help, labelNames = []) =>
      once('gauge', name, labelNames, () => createGauge({ name, help, labelNames, maxSeries })),
    histogram: (name, help, buckets, labelNames = []) =>
      once(`histogram[${buckets.join(' ')}]`, name, labelNames, () =>
        createHistogram({ name, help, labelNames, maxSeries }, buckets),
      ),
    beforeRender: (read) => readers.push(read),
    render: () => {
      for (const read of readers) read();
      return [...families.values()].map(({ family }) => family.render()).join('');
    },
  };
}
