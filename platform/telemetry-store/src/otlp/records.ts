/** A value of an attribute as it is kept: what JSON cannot say, such as NaN or a whole number beyond 2^53, is text. */
export type AttributeValue =
  | string
  | number
  | boolean
  | null
  | readonly AttributeValue[]
  | { readonly [key: string]: AttributeValue };

export type Attributes = Readonly<Record<string, AttributeValue>>;

/** Who sent it. One object for all records of a block, so that it is looked up once. */
export interface Resource {
  readonly service: string;
  readonly instance: string;
  readonly version: string;
  readonly attributes: Attributes;
}

export interface SpanEvent {
  readonly name: string;
  readonly timeNs: bigint;
  readonly attributes: Attributes;
}

export interface SpanLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: Attributes;
}

/** 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
export type SpanKind = 0 | 1 | 2 | 3 | 4 | 5;

export interface SpanRecord {
  readonly resource: Resource;
  /** The library that made it. */
  readonly scope: string;
  /** 16 bytes. */
  readonly traceId: Uint8Array;
  /** 8 bytes. */
  readonly spanId: Uint8Array;
  /** 8 bytes; `null`: the root. */
  readonly parentId: Uint8Array | null;
  readonly name: string;
  readonly kind: SpanKind;
  readonly startNs: bigint;
  readonly endNs: bigint;
  /** 0 unset, 1 ok, 2 error. */
  readonly status: number;
  readonly statusMessage: string;
  readonly attributes: Attributes;
  readonly events: readonly SpanEvent[];
  readonly links: readonly SpanLink[];
}

export interface LogRecord {
  readonly resource: Resource;
  readonly scope: string;
  readonly timeNs: bigint;
  /** 1 to 24 as OpenTelemetry counts; 0: not said. */
  readonly severity: number;
  readonly body: string;
  readonly attributes: Attributes;
  readonly traceId: Uint8Array | null;
  readonly spanId: Uint8Array | null;
}

export type MetricType = 'gauge' | 'sum' | 'histogram' | 'exponential' | 'summary';

/** One point of one series. */
export interface PointRecord {
  readonly resource: Resource;
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly type: MetricType;
  /** 0 unspecified, 1 delta, 2 cumulative. */
  readonly temporality: number;
  readonly monotonic: boolean;
  readonly attributes: Attributes;
  readonly timeNs: bigint;
  /** Of a gauge or a sum; of a histogram or summary the sum of what was observed. */
  readonly value: number;
  /** Of a histogram or summary. */
  readonly count: number;
  readonly distribution?: Distribution;
  /** Traces that were given as examples. */
  readonly exemplars: readonly Uint8Array[];
}

export interface Distribution {
  /** Upper bounds of classic buckets, and how many are in each, the last without a bound. */
  readonly bounds?: readonly number[];
  readonly counts?: readonly number[];
  /** Of a base-2 exponential histogram. */
  readonly scale?: number;
  readonly zeroCount?: number;
  readonly positive?: { readonly offset: number; readonly counts: readonly number[] };
  readonly negative?: { readonly offset: number; readonly counts: readonly number[] };
  /** Of a summary: quantile and value. */
  readonly quantiles?: readonly (readonly [number, number])[];
}

/** What a request held, and what of it cannot be kept. */
export interface Decoded<T> {
  readonly records: readonly T[];
  readonly rejected: number;
  /** Why the first of those was not kept; `''` when all were. */
  readonly reason: string;
}

/** Collects records; a bad one costs itself and nothing else. */
export interface Collector<T> {
  readonly records: T[];
  reject(reason: string): void;
  done(): Decoded<T>;
}

export function createCollector<T>(): Collector<T> {
  const records: T[] = [];
  let rejected = 0;
  let first = '';
  return {
    records,
    reject: (reason) => {
      rejected += 1;
      if (first === '') first = reason;
    },
    done: () => ({ records, rejected, reason: first }),
  };
}

const UNKNOWN = 'unknown_service';

/** The names that everything is grouped by; the rest stays among the attributes. */
export function toResource(attributes: Attributes): Resource {
  const text = (key: string): string => {
    const value = attributes[key];
    return typeof value === 'string' ? value : '';
  };
  return {
    service: text('service.name') || UNKNOWN,
    instance: text('service.instance.id'),
    version: text('service.version'),
    attributes,
  };
}

/** The id of something that was sent, or why it is none. */
export function idProblem(what: 'trace' | 'span', id: Uint8Array): string | undefined {
  const length = what === 'trace' ? 16 : 8;
  if (id.length !== length) return `a ${what} id has ${length} bytes, got ${id.length}`;
  return id.every((byte) => byte === 0) ? `a ${what} id must not be all zeros` : undefined;
}
