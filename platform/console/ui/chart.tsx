import { clock, colourOf } from './format.ts';
import { Panel } from './parts.tsx';
import type { ChartSeries, MetricView } from './shapes.ts';
import { count } from './table.tsx';

const SIZE = { width: 1_100, height: 180, left: 56, bottom: 20, top: 10 };
const LINES = 4;

interface Point {
  readonly timeMs: number;
  readonly value: number;
}

/** Lines over time, from zero on; a table with the same numbers stands below it. */
export function Chart({
  title,
  data,
  of,
}: {
  readonly title: string;
  readonly data: MetricView;
  readonly of: 'value' | 'p95';
}) {
  const lines = data.series
    .map((series) => ({ series, points: pointsOf(series, of) }))
    .filter(({ points }) => points.length > 0);
  const most = niceTop(Math.max(...lines.flatMap(({ points }) => points.map(({ value }) => value)), 0));
  const x = (timeMs: number) =>
    SIZE.left + ((timeMs - data.fromMs) / (data.toMs - data.fromMs)) * (SIZE.width - SIZE.left - 8);
  const y = (value: number) => SIZE.top + (1 - value / most) * (SIZE.height - SIZE.top - SIZE.bottom);
  return (
    <Panel title={title}>
      <svg
        class="chart"
        viewBox={`0 0 ${SIZE.width} ${SIZE.height}`}
        role="img"
        aria-label={`${title}: at most ${count(most)}`}
      >
        {Array.from({ length: LINES + 1 }, (_, index) => (most / LINES) * index).map((value) => (
          <g key={value}>
            <line x1={SIZE.left} x2={SIZE.width - 8} y1={y(value)} y2={y(value)} />
            <text x={SIZE.left - 6} y={y(value) + 4} text-anchor="end">
              {short(value)}
            </text>
          </g>
        ))}
        {[0, 0.5, 1].map((part) => {
          const timeMs = data.fromMs + (data.toMs - data.fromMs) * part;
          return (
            <text
              key={part}
              x={x(timeMs)}
              y={SIZE.height - 4}
              text-anchor={part === 0 ? 'start' : part === 1 ? 'end' : 'middle'}
            >
              {clock(timeMs)}
            </text>
          );
        })}
        {lines.map(({ series, points }) => (
          <polyline
            key={JSON.stringify([series.service, series.instance, series.attributes])}
            points={points
              .map(({ timeMs, value }) => `${x(timeMs).toFixed(1)},${y(value).toFixed(1)}`)
              .join(' ')}
            style={{ stroke: colourOf(series.service) }}
          >
            <title>{`${series.service} ${Object.values(series.attributes).join(' ')}`}</title>
          </polyline>
        ))}
      </svg>
    </Panel>
  );
}

function pointsOf({ points }: ChartSeries, of: 'value' | 'p95'): readonly Point[] {
  return points.flatMap((point) => {
    const value = of === 'value' ? point.value : point.p95;
    return value === undefined || !Number.isFinite(value) ? [] : [{ timeMs: point.timeMs, value }];
  });
}

/** The next of 1, 2, 5 by powers of ten. */
function niceTop(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 5, 10].find((one) => one * power >= value) ?? 10;
  return step * power;
}

function short(value: number): string {
  if (value >= 1e9) return `${count(value / 1e9)} G`;
  if (value >= 1e6) return `${count(value / 1e6)} M`;
  if (value >= 1e4) return `${count(value / 1e3)} k`;
  return value === 0 || value >= 0.01 ? count(value) : value.toExponential(0);
}
