/** What a metric is called and counted in, in Prometheus' spelling. Names of OpenTelemetry follow from it. */
export interface MetricName {
  /** With its unit, and `_total` when it counts. */
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  /** UCUM: `s`, `By`, `1`, `{message}`; empty where nobody has said. */
  readonly unit: string;
}

export type MetricKind = 'counter' | 'gauge' | 'histogram';

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Of Prometheus: it sets them itself, so that ours would be stored under another name, or give them a meaning of their own. */
const RESERVED: ReadonlySet<string> = new Set(['le', 'quantile', 'job', 'instance']);

/** Units with a word of their own in Prometheus; all others leave no trace in a name. */
const SUFFIXES: Readonly<Record<string, string>> = { s: '_seconds', By: '_bytes', '1': '_ratio' };

/** The unit that a name ends in, else what was given. */
export function unitOf(name: string, given = ''): string {
  const bare = name.replace(/_total$/, '');
  const found = Object.entries(SUFFIXES).find(([, suffix]) => bare.endsWith(suffix));
  return found?.[0] ?? given;
}

/** `seconds`, `bytes` or `ratio`, where the name ends in it. */
export function unitWordOf(name: string): string | undefined {
  return SUFFIXES[unitOf(name)]?.slice(1);
}

/** Throws `RangeError` for what a scrape would lose, or a rule would never find. */
export function assertMetricName(kind: MetricKind, { name, help, labelNames, unit }: MetricName): void {
  if (!NAME.test(name)) throw new RangeError(`not a metric name: ${name}`);
  if (help.trim() === '') throw new RangeError(`metric ${name}: says nothing about itself`);
  if ((kind === 'counter') !== name.endsWith('_total'))
    throw new RangeError(`metric ${name}: counters, and only they, end in _total`);
  if (unit in SUFFIXES && unitOf(name) !== unit)
    throw new RangeError(`metric ${name}: in ${unit}, so its name ends in ${SUFFIXES[unit]}`);
  const wrong = labelNames.find(
    (label) => !LABEL.test(label) || label.startsWith('__') || RESERVED.has(label),
  );
  if (wrong !== undefined) throw new RangeError(`metric ${name}: not a label name: ${wrong}`);
  if (new Set(labelNames).size < labelNames.length)
    throw new RangeError(`metric ${name}: a label comes twice`);
}

/** Every name under which a scrape shows samples of a metric. */
export function sampleNames(kind: MetricKind, name: string): readonly string[] {
  if (kind === 'counter') return [name, name.slice(0, -'_total'.length)];
  if (kind === 'gauge') return [name];
  return ['', '_bucket', '_sum', '_count'].map((suffix) => `${name}${suffix}`);
}
/**
 * The name of OpenTelemetry, of which Prometheus makes ours again: without what follows from unit and kind, with dots where the
 * semantic conventions have them.
 */
export function openTelemetryName({ name, unit }: Pick<MetricName, 'name' | 'unit'>): string {
  const bare = name.replace(/_total$/, '');
  const suffix = SUFFIXES[unit] ?? '';
  return dotted(suffix !== '' && bare.endsWith(suffix) ? bare.slice(0, -suffix.length) : bare);
}

/** The attribute of OpenTelemetry that a label stands for. */
export function openTelemetryAttribute(label: string): string {
  return CONVENTIONS.get(label) ?? label;
}

function dotted(name: string): string {
  return CONVENTIONS.get(name) ?? name;
}

/** Names and attributes of the semantic conventions (1.44) that this platform uses. Dots cannot be guessed from underscores. */
const CONVENTIONS: ReadonlyMap<string, string> = new Map(
  [
    'http.server.request.duration',
    'http.client.request.duration',
    'rpc.server.call.duration',
    'rpc.client.call.duration',
    'messaging.process.duration',
    'db.client.operation.duration',
    'http.request.method',
    'http.response.status_code',
    'http.route',
    'error.type',
    'rpc.method',
    'rpc.response.status_code',
    'messaging.consumer.group.name',
    'messaging.destination.name',
    'db.system.name',
    'db.namespace',
    'db.operation.name',
    'server.address',
    'nodejs.eventloop.delay',
    'nodejs.eventloop.time',
    'nodejs.eventloop.state',
    'v8js.gc.duration',
    'v8js.gc.type',
    'v8js.memory.heap.used',
    'v8js.memory.heap.limit',
  ].map((name) => [name.replaceAll('.', '_'), name]),
);
