import { readFileSync } from 'node:fs';

type Env = Readonly<Record<string, string | undefined>>;

/** Where one signal goes. */
export interface SignalSettings {
  readonly url: URL;
  readonly protocol: 'http/protobuf' | 'http/json';
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly isCompressed: boolean;
  readonly ca: string | undefined;
}

/** What the standard variables of OpenTelemetry say. */
export interface OtelSettings {
  readonly serviceName: string | undefined;
  readonly resource: Readonly<Record<string, string>>;
  readonly traces: SignalSettings | undefined;
  readonly logs: SignalSettings | undefined;
  readonly metrics: SignalSettings | undefined;
  readonly sampler: { readonly followsParent: boolean; readonly ratio: number };
  /** Spans that took longer are exported also when their trace is not sampled. `OTEL_FLOTILLA_SLOW_SPAN_MS`, default 1,000. */
  readonly slowMs: number;
  readonly spans: QueueSettings;
  readonly logRecords: QueueSettings;
  readonly metricIntervalMs: number;
  readonly exponentialHistograms: boolean;
}

export interface QueueSettings {
  readonly maxQueue: number;
  readonly maxBatch: number;
  readonly delayMs: number;
}

export type OtelEnvironment =
  | { readonly is: 'off' }
  | { readonly is: 'on'; readonly settings: OtelSettings }
  /** Each a line for whoever set it. */
  | { readonly is: 'unusable'; readonly problems: readonly string[] };

const SAMPLERS: Readonly<Record<string, { readonly followsParent: boolean; readonly ratio?: number }>> = {
  always_on: { followsParent: false, ratio: 1 },
  always_off: { followsParent: false, ratio: 0 },
  traceidratio: { followsParent: false },
  parentbased_always_on: { followsParent: true, ratio: 1 },
  parentbased_always_off: { followsParent: true, ratio: 0 },
  parentbased_traceidratio: { followsParent: true },
};

/**
 * Telemetry leaves the process when an endpoint is named, or `OTEL_TRACES_EXPORTER=otlp` and its siblings ask for the default one.
 * Empty variables count as unset. Everything that is wrong is told at once.
 */
export function readOtelEnvironment(env: Env): OtelEnvironment {
  const problems: string[] = [];
  const read = createReader(env, problems);
  if (read.text('OTEL_SDK_DISABLED')?.toLowerCase() === 'true') return { is: 'off' };
  const [traces, logs, metrics] = [
    readSignal(read, 'TRACES', 'v1/traces'),
    readSignal(read, 'LOGS', 'v1/logs'),
    readSignal(read, 'METRICS', 'v1/metrics'),
  ];
  if (traces === undefined && logs === undefined && metrics === undefined && problems.length === 0)
    return { is: 'off' };
  const settings: OtelSettings = {
    serviceName: read.text('OTEL_SERVICE_NAME'),
    resource: read.pairs('OTEL_RESOURCE_ATTRIBUTES'),
    ...{ traces, logs, metrics },
    sampler: readSampler(read),
    slowMs: read.whole('OTEL_FLOTILLA_SLOW_SPAN_MS', 1_000),
    spans: readQueue(read, 'OTEL_BSP', 5_000),
    logRecords: readQueue(read, 'OTEL_BLRP', 1_000),
    metricIntervalMs: read.whole('OTEL_METRIC_EXPORT_INTERVAL', 60_000),
    exponentialHistograms:
      read.choice('OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION', [
        'explicit_bucket_histogram',
        'base2_exponential_bucket_histogram',
      ]) === 'base2_exponential_bucket_histogram',
  };
  return problems.length > 0 ? { is: 'unusable', problems: [...new Set(problems)] } : { is: 'on', settings };
}

interface Reader {
  readonly problems: string[];
  text(name: string): string | undefined;
  whole(name: string, otherwise: number): number;
  choice<T extends string>(name: string, options: readonly T[]): T;
  pairs(name: string): Readonly<Record<string, string>>;
}

function createReader(env: Env, problems: string[]): Reader {
  const text = (name: string) => {
    const value = env[name]?.trim();
    return value === undefined || value === '' ? undefined : value;
  };
  return {
    problems,
    text,
    whole: (name, otherwise) => {
      const value = text(name);
      if (value === undefined) return otherwise;
      if (/^\d{1,9}$/.test(value) && Number(value) > 0) return Number(value);
      problems.push(`${name} must be a whole number above 0`);
      return otherwise;
    },
    choice: (name, options) => {
      const value = text(name);
      const [first] = options;
      if (first === undefined) throw new TypeError(`${name} has no options`);
      const found = options.find((option) => option === (value ?? first));
      if (found === undefined) problems.push(`${name} must be ${options.join(' or ')}, not ${value}`);
      return found ?? first;
    },
    pairs: (name) => readPairs(name, text(name) ?? '', problems),
  };
}

/** `key=value,key=value`, percent-encoded. The values may be secrets: they are not part of a problem. */
function readPairs(name: string, text: string, problems: string[]): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (const pair of text.split(',').filter((one) => one.trim() !== '')) {
    const at = pair.indexOf('=');
    const key = pair.slice(0, Math.max(0, at)).trim();
    try {
      if (key === '') throw new RangeError('no key');
      pairs[decodeURIComponent(key)] = decodeURIComponent(pair.slice(at + 1).trim());
    } catch {
      problems.push(`${name} must be a list of key=value, percent-encoded`);
      return {};
    }
  }
  return pairs;
}

function readSignal(read: Reader, signal: string, path: string): SignalSettings | undefined {
  const own = (name: string) =>
    read.text(`OTEL_EXPORTER_OTLP_${signal}_${name}`) === undefined
      ? `OTEL_EXPORTER_OTLP_${name}`
      : `OTEL_EXPORTER_OTLP_${signal}_${name}`;
  const exporter = read.choice(`OTEL_${signal}_EXPORTER`, ['', 'otlp', 'none']);
  const endpoint = own('ENDPOINT');
  if (exporter === 'none' || (exporter === '' && read.text(endpoint) === undefined)) return undefined;
  const url = readUrl(read, endpoint, endpoint.includes(signal) ? '' : path);
  const compression = read.choice(own('COMPRESSION'), ['none', 'gzip']);
  const protocol = read.choice(own('PROTOCOL'), ['http/protobuf', 'http/json']);
  const timeoutMs = read.whole(own('TIMEOUT'), 10_000);
  const headers = read.pairs(own('HEADERS'));
  const ca = readCertificate(read, own('CERTIFICATE'));
  if (url === undefined) return undefined;
  return { url, protocol, headers, timeoutMs, isCompressed: compression === 'gzip', ca };
}

/** The general endpoint is the root of all signals, that of a signal is used as it is. */
function readUrl(read: Reader, name: string, path: string): URL | undefined {
  const base = read.text(name) ?? 'http://localhost:4318';
  const url = URL.parse(path === '' ? base : `${base.replace(/\/$/, '')}/${path}`);
  if (url !== null && ['http:', 'https:'].includes(url.protocol)) return url;
  read.problems.push(`${name} must be an http or https URL`);
  return undefined;
}

function readCertificate(read: Reader, name: string): string | undefined {
  const file = read.text(name);
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch {
    read.problems.push(`${name} must be a file that can be read`);
    return undefined;
  }
}

function readSampler(read: Reader): OtelSettings['sampler'] {
  const name = read.choice('OTEL_TRACES_SAMPLER', [
    'parentbased_always_on',
    ...Object.keys(SAMPLERS).filter((one) => one !== 'parentbased_always_on'),
  ]);
  const { followsParent, ratio } = SAMPLERS[name] ?? { followsParent: true };
  if (ratio !== undefined) return { followsParent, ratio };
  const given = Number(read.text('OTEL_TRACES_SAMPLER_ARG') ?? '1');
  if (!(given >= 0 && given <= 1)) read.problems.push('OTEL_TRACES_SAMPLER_ARG must be between 0 and 1');
  return { followsParent, ratio: given };
}

function readQueue(read: Reader, prefix: string, delayMs: number): QueueSettings {
  const maxQueue = read.whole(`${prefix}_MAX_QUEUE_SIZE`, 2_048);
  return {
    maxQueue,
    maxBatch: Math.min(maxQueue, read.whole(`${prefix}_MAX_EXPORT_BATCH_SIZE`, 512)),
    delayMs: read.whole(`${prefix}_SCHEDULE_DELAY`, delayMs),
  };
}
