/** `docs/reference/telemetry.md`: every metric, span and log field, as the sources make them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { unitOf } from '@flotilla/telemetry';
import { parseSync } from 'oxc-parser';
import { listFiles } from '../test/source-files.ts';

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}
type Held = Node & Readonly<Record<string, unknown>>;

interface Source {
  readonly file: string;
  /** `platform/http`. */
  readonly package: string;
  readonly text: string;
  readonly nodes: readonly Held[];
}

interface Metric {
  readonly name: string;
  readonly kind: string;
  readonly unit: string;
  readonly labels: readonly string[];
  readonly help: string;
  readonly package: string;
}

interface Span {
  readonly name: string;
  readonly kind: string;
  readonly package: string;
  readonly attributes: readonly string[];
}

/** Every metric that the sources make, each time that they do. */
export function declaredMetrics(root: string): readonly Metric[] {
  return readSources(root).flatMap(metricsOf);
}

function readSources(root: string): readonly Source[] {
  return listFiles(/^(platform|shop)\/[^/]+\/src\/.*(?<!\.test)\.ts$/)
    .filter((file) => !file.includes('/testing/'))
    .map((file) => readSource(root, file));
}

export function telemetryReference(root: string): string {
  const sources = readSources(root);
  const metrics = sources.flatMap(metricsOf).sort((a, b) => (a.name < b.name ? -1 : 1));
  const once = metrics.filter(({ name }, at) => metrics.findIndex((one) => one.name === name) === at);
  return [
    '# Metrics, spans and log fields\n',
    'Generated from the sources by `npm run generate`. How they are read: [observability.md](../observability.md).\n',
    '## Metrics\n',
    'Names as a scrape shows them. By OTLP they go without `_total` and the unit, and come out of Prometheus under the same name.\n',
    table(
      ['metric', 'kind', 'unit', 'labels', 'what it is', 'made by'],
      once.map((one) => [
        code(one.name),
        one.kind,
        code(one.unit),
        one.labels.map(code).join(' '),
        one.help,
        one.package,
      ]),
    ),
    '\nEvery process shows `target_info` besides: `service_name`, `service_version` and `service_instance_id` as labels.\n',
    '## Spans\n',
    table(
      ['name', 'kind', 'attributes', 'made by'],
      sources
        .flatMap(spansOf)
        .sort((a, b) => (`${a.package} ${a.kind}` < `${b.package} ${b.kind}` ? -1 : 1))
        .map((span) => [code(span.name), span.kind, span.attributes.map(code).join(' '), span.package]),
    ),
    '\n`error.type` is on every span that failed: the code of the error.\n',
    '## Log fields\n',
    'Every line has `time`, `level`, `service`, `instance` and `msg`; within a request, a message or a step `trace_id`, `span_id` and',
    '`correlation_id`. By OTLP `err` becomes `exception.type`, `exception.message` and `exception.stacktrace`.\n',
    table(
      ['field', 'written by'],
      [...fieldsOf(sources)].map(([field, packages]) => [code(field), [...packages].join(' ')]),
    ),
    '',
  ].join('\n');
}

function readSource(root: string, file: string): Source {
  const text = readFileSync(join(root, file), 'utf8');
  const nodes: Held[] = [];
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(walk);
    else if (typeof value === 'object' && value !== null) {
      if ('type' in value && 'start' in value) nodes.push(value as Held);
      Object.values(value).forEach(walk);
    }
  };
  walk(parseSync(file, text).program);
  return { file, text, nodes, package: file.split('/').slice(0, 2).join('/') };
}

const KINDS: ReadonlySet<unknown> = new Set(['counter', 'gauge', 'histogram']);

/** Calls of a registry by literals. */
function metricsOf(source: Source): readonly Metric[] {
  return source.nodes.flatMap((node) => {
    const called = memberOf(node);
    const args = (node['arguments'] ?? []) as readonly Held[];
    const [name, help] = args.map(textOf);
    if (called === undefined || !KINDS.has(called) || name === undefined) return ownMetric(source, node);
    const rest = args.slice(called === 'histogram' ? 3 : 2);
    const unit = unitOf(name, textOf(rest[1]) ?? '');
    const labels = listOf(source, rest[0]);
    return [{ name, kind: called, unit, labels, help: help ?? '', package: source.package }];
  });
}

/** Of the registry itself: `createCounter({ name, help, … })`. */
function ownMetric(source: Source, node: Held): readonly Metric[] {
  const callee = node['callee'] as Held | undefined;
  const kind = /^create(Counter|Gauge)$/.exec(String(callee?.['name']))?.[1]?.toLowerCase();
  const [options] = (node['arguments'] ?? []) as readonly Held[];
  const name = textOf(propertyOf(options, 'name'));
  if (kind === undefined || name === undefined) return [];
  const [help = '', unit = ''] = ['help', 'unit'].map((key) => textOf(propertyOf(options, key)));
  const labels = listOf(source, propertyOf(options, 'labelNames'));
  return [{ name, kind, unit, labels, help, package: source.package }];
}

/** Objects and calls that describe a span; attributes are all the dotted names of the file. */
function spansOf(source: Source): readonly Span[] {
  if (!/\b(withSpan|withIncomingSpan|spanRecorder|recordSpan)\b/.test(source.text)) return [];
  if (source.package === 'platform/telemetry') return [];
  const attributes = source.nodes.flatMap((node) => {
    const key = node.type === 'Property' ? keyOf(node) : undefined;
    return key !== undefined && /^[a-z]+(\.[a-z_]+)+$/.test(key) ? [key] : [];
  });
  const shared = source.text.includes('...MESSAGING') ? ['messaging.system'] : [];
  const own = [...new Set([...shared, ...attributes])];
  const found = source.nodes.flatMap((node) => {
    const isCall = (node['callee'] as Held | undefined)?.['name'] === 'withSpan';
    const [first, second, , options] = (node['arguments'] ?? []) as readonly Held[];
    if (isCall && second !== undefined) {
      const kind = textOf(propertyOf(options, 'kind')) ?? (options === undefined ? 'internal' : 'client');
      return [{ name: sliceOf(source, first), kind }];
    }
    const kind = textOf(propertyOf(node, 'kind'));
    if (kind === undefined || propertyOf(node, 'attributes') === undefined) return [];
    return [{ name: sliceOf(source, propertyOf(node, 'name')), kind }];
  });
  return found.map((span) => ({ ...span, package: source.package, attributes: own }));
}

const LEVELS: ReadonlySet<unknown> = new Set(['debug', 'info', 'warn', 'error']);

/** Fields of lines that are written as `logger.warn({ … }, 'what happened')`. */
function fieldsOf(sources: readonly Source[]): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const source of sources)
    for (const field of source.nodes.flatMap((node) => fieldsOfLine(source, node)))
      found.set(field, (found.get(field) ?? new Set()).add(source.package));
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function fieldsOfLine(source: Source, node: Held): readonly string[] {
  const [fields, message] = (node['arguments'] ?? []) as readonly Held[];
  if (!LEVELS.has(memberOf(node)) || message === undefined) return [];
  const object = fields?.type === 'Identifier' ? declared(source, String(fields['name'])) : fields;
  const properties = (object?.['properties'] ?? []) as readonly Held[];
  return properties.flatMap((one) => (one.type === 'Property' ? (keyOf(one) ?? []) : []));
}

function memberOf(node: Held): string | undefined {
  const callee = node.type === 'CallExpression' ? (node['callee'] as Held) : undefined;
  if (callee?.type !== 'MemberExpression') return undefined;
  return String((callee['property'] as Held)['name']);
}

function propertyOf(node: Held | undefined, key: string): Held | undefined {
  if (node?.type !== 'ObjectExpression') return undefined;
  const properties = node['properties'] as readonly Held[];
  return properties.find((one) => one.type === 'Property' && keyOf(one) === key)?.['value'] as
    | Held
    | undefined;
}

function keyOf(property: Held): string | undefined {
  const key = property['key'] as Held;
  return key.type === 'Identifier' ? String(key['name']) : textOf(key);
}

function textOf(node: Held | undefined): string | undefined {
  const value = node?.type === 'Literal' ? node['value'] : undefined;
  return typeof value === 'string' ? value : undefined;
}

/** A list of literals, here or where its name is declared. */
function listOf(source: Source, node: Held | undefined): readonly string[] {
  const list = node?.type === 'Identifier' ? declared(source, String(node['name'])) : node;
  return ((list?.['elements'] ?? []) as readonly Held[]).flatMap((element) => textOf(element) ?? []);
}

function declared(source: Source, name: string): Held | undefined {
  const found = source.nodes.find(
    (node) => node.type === 'VariableDeclarator' && (node['id'] as Held)['name'] === name,
  );
  return found?.['init'] as Held | undefined;
}

/** A template as people read it: `{route}` for what is put in. */
function sliceOf({ text }: Source, node: Held | undefined): string {
  if (node?.type === 'Identifier') return `{${String(node['name'])}}`;
  const raw = node === undefined ? '' : text.slice(node.start, node.end).replace(/^[`']|[`']$/g, '');
  return raw.replace(/\$\{[^}]*?(\w+)\W*\}/g, '{$1}');
}

function code(text: string): string {
  return text === '' ? '' : `\`${text}\``;
}

/** As the formatter writes it: columns as wide as their widest cell. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows].map((cells) => cells.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = head.map((_, at) => Math.max(3, ...all.map((cells) => cells[at]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  const [first = [], ...others] = all;
  return [line(first), line(widths.map((width) => '-'.repeat(width))), ...others.map(line)].join('\n');
}
