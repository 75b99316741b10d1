import type { Distribution, Exemplar } from './distribution.ts';
import { escapeLabel, type MetricFamily, type Series } from './families.ts';
import { unitWordOf } from './names.ts';

/** Prometheus' own text format 0.0.4, or OpenMetrics 1.0, which has exemplars besides. */
export type ExpositionFormat = 'prometheus' | 'openmetrics';

/** What the whole process says of itself: `target_info`. */
export type Target = Readonly<Record<string, string>>;

const TARGET_HELP = 'What is measured here: service, version and instance.';

export function renderMetrics(
  families: Iterable<MetricFamily>,
  target: Target | undefined,
  format: ExpositionFormat,
): string {
  let text = target === undefined ? '' : renderTarget(target, format);
  for (const family of families) text += renderFamily(family, format);
  return format === 'openmetrics' ? `${text}# EOF\n` : text;
}

function renderTarget(target: Target, format: ExpositionFormat): string {
  const pairs = Object.entries(target).map(
    ([name, value]) => `${name}="${escapeLabel(value.toWellFormed())}"`,
  );
  const [name, type] = format === 'openmetrics' ? ['target', 'info'] : ['target_info', 'gauge'];
  return `# HELP ${name} ${TARGET_HELP}\n# TYPE ${name} ${type}\ntarget_info{${pairs.join(',')}} 1\n`;
}

function renderFamily(family: MetricFamily, format: ExpositionFormat): string {
  const isOpen = format === 'openmetrics';
  const { name, kind, help } = family;
  const described = isOpen && kind === 'counter' ? name.slice(0, -'_total'.length) : name;
  const unit = isOpen ? unitWordOf(described) : undefined;
  let text = `# HELP ${described} ${escapeHelp(help, isOpen)}\n# TYPE ${described} ${kind}\n`;
  if (unit !== undefined) text += `# UNIT ${described} ${unit}\n`;
  for (const series of family.series()) {
    const { distribution, value } = series.cell;
    text +=
      distribution === undefined
        ? `${name}${braces(series.pairs)} ${formatNumber(value)}\n`
        : renderDistribution(family, series, distribution, isOpen);
  }
  return text;
}

function renderDistribution(
  { name, bounds }: MetricFamily,
  { pairs }: Series,
  { counts, exemplars, sum, count }: Distribution,
  isOpen: boolean,
): string {
  const prefix = pairs === '' ? '' : `${pairs},`;
  let cumulative = 0;
  let text = '';
  counts.forEach((held, index) => {
    cumulative += held;
    const bound = bounds[index];
    const exemplar = isOpen ? exemplars[index] : undefined;
    text += `${name}_bucket{${prefix}le="${bound === undefined ? '+Inf' : formatBound(bound)}"} ${cumulative}`;
    text += exemplar === undefined ? '\n' : ` ${formatExemplar(exemplar)}\n`;
  });
  const suffix = braces(pairs);
  return `${text}${name}_sum${suffix} ${formatNumber(sum)}\n${name}_count${suffix} ${count}\n`;
}

function formatExemplar({ traceId, spanId, value, atMs }: Exemplar): string {
  return `# {trace_id="${traceId}",span_id="${spanId}"} ${formatNumber(value)} ${(atMs / 1_000).toFixed(3)}`;
}

function braces(pairs: string): string {
  return pairs === '' ? '' : `{${pairs}}`;
}

function escapeHelp(help: string, isOpen: boolean): string {
  const escaped = help.toWellFormed().replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return isOpen ? escaped.replaceAll('"', '\\"') : escaped;
}

/** `1.0` in both formats: Prometheus before version 3 takes `le="1"` and `le="1.0"` for two series. */
function formatBound(bound: number): string {
  return Number.isInteger(bound) ? bound.toFixed(1) : String(bound);
}

function formatNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return String(value);
}
