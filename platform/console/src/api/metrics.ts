import type { Distribution, MetricPoint, MetricSeries } from '@flotilla/telemetry-store';
import type { ConsoleDeps } from '../deps.ts';
import { consoleError } from '../errors.ts';
import { numberOf, textOf } from './input.ts';
import { readerOf } from './telemetry.ts';

const WINDOW_MS = 900_000;
const LONGEST_MS = 86_400_000;

export function listMetrics(deps: ConsoleDeps, query: URLSearchParams): object {
  const words = textOf(query, 'search')?.toLowerCase().split(/\s+/) ?? [];
  const families = readerOf(deps)
    .metrics.families()
    .filter(({ name, description }) =>
      words.every((word) => `${name} ${description}`.toLowerCase().includes(word)),
    );
  return { families };
}

/** A point of a chart: what the series was at a time, or how fast it grew up to it. */
export interface ChartPoint {
  readonly timeMs: number;
  /** A level; of what only grows, by how much a second. */
  readonly value: number;
  /** Of what was observed since the point before; absent where nothing was. */
  readonly p50?: number;
  readonly p95?: number;
}

export function findMetric(deps: ConsoleDeps, name: string, query: URLSearchParams): object {
  const reader = readerOf(deps);
  const family = reader.metrics.families().find((one) => one.name === name);
  if (family === undefined)
    throw consoleError('CONSOLE_NOT_FOUND', 'no metric has this name, or none is kept');
  const nowMs = deps.now();
  const windowMs = Math.min(
    Math.max(60_000, (numberOf(query, 'minutes') ?? 15) * 60_000 || WINDOW_MS),
    LONGEST_MS,
  );
  const service = textOf(query, 'service');
  const fromMs = nowMs - windowMs;
  const found = reader.metrics.series({ name, ...(service && { service }), fromMs, toMs: nowMs });
  const series = found
    .map(({ points: _, ...one }, index) => ({ ...one, points: chartOf(found[index]) }))
    .filter(({ points }) => points.length > 0);
  return { family, fromMs, toMs: nowMs, series };
}

const CUMULATIVE = 2;

export function chartOf(series: MetricSeries | undefined): readonly ChartPoint[] {
  if (series === undefined) return [];
  const { points, monotonic, temporality } = series;
  const isHistogram = points.some(({ distribution }) => distribution !== undefined);
  if (!monotonic && !isHistogram) return points.map(({ timeMs, value }) => ({ timeMs, value }));
  return points.slice(1).flatMap((point, index): readonly ChartPoint[] => {
    const before = points[index]; // of the one that stands behind it
    if (before === undefined || point.timeMs <= before.timeMs) return [];
    return [growth(before, point, temporality === CUMULATIVE, isHistogram)];
  });
}

function growth(
  before: MetricPoint,
  point: MetricPoint,
  isCumulative: boolean,
  isHistogram: boolean,
): ChartPoint {
  const total = ({ count, value }: MetricPoint) => (isHistogram ? count : value);
  // Counted anew where its process was started again.
  const goesOn = isCumulative && total(point) >= total(before);
  const more = total(point) - (goesOn ? total(before) : 0);
  const value = more / ((point.timeMs - before.timeMs) / 1_000);
  const { distribution } = point;
  if (distribution === undefined || more <= 0) return { timeMs: point.timeMs, value };
  return {
    timeMs: point.timeMs,
    value,
    ...quantilesOf(distribution, goesOn ? before.distribution : undefined),
  };
}

/** Of the observations that came since `before`. */
function quantilesOf(now: Distribution, before: Distribution | undefined) {
  const buckets = bucketsOf(now);
  const earlier = new Map(before === undefined ? [] : bucketsOf(before));
  const fresh = buckets.map(
    ([bound, count]) => [bound, Math.max(0, count - (earlier.get(bound) ?? 0))] as const,
  );
  const p50 = quantileOf(fresh, 0.5);
  const p95 = quantileOf(fresh, 0.95);
  return { ...(p50 !== undefined && { p50 }), ...(p95 !== undefined && { p95 }) };
}

/** Upper bounds with how many are below them and above the one before. */
function bucketsOf({ bounds = [], counts = [], scale = 0, zeroCount = 0, positive }: Distribution) {
  if (positive === undefined)
    return counts.map((count, index) => [bounds[index] ?? Number.POSITIVE_INFINITY, count] as const);
  const base = 2 ** (2 ** -scale);
  const above = positive.counts.map(
    (count, index) => [base ** (positive.offset + index + 1), count] as const,
  );
  return [[0, zeroCount] as const, ...above];
}

function quantileOf(buckets: readonly (readonly [number, number])[], quantile: number): number | undefined {
  const total = buckets.reduce((sum, [, count]) => sum + count, 0);
  let left = total * quantile;
  for (const [bound, count] of buckets) {
    left -= count;
    if (left <= 0 && count > 0) return Number.isFinite(bound) ? bound : undefined;
  }
  return undefined;
}
