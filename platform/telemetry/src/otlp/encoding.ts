import type { MetricFamily } from '../metrics/families.ts';
import type { LogRecord } from '../trace/log-record.ts';
import type { Span } from '../trace/span.ts';
import { jsonAttributes, writeAttributes } from './attributes.ts';
import { jsonLog, writeLog } from './encode-log.ts';
import { jsonMetric, type MetricEncoding, writeMetric } from './encode-metrics.ts';
import { jsonSpan, writeSpan } from './encode-span.ts';
import { ProtoWriter } from './proto-writer.ts';

export type Signal = 'traces' | 'logs' | 'metrics';

/** One encoded span, log record or metric. Spans of foreign libraries come with the name of theirs. */
export interface Item {
  readonly bytes: Buffer;
  readonly scope: string;
}

/** How records become items, and items a request. */
export interface Encoding {
  readonly contentType: string;
  span(span: Span): Item;
  log(record: LogRecord): Item;
  metric(family: MetricFamily, encoding: MetricEncoding): Item;
  request(signal: Signal, items: readonly Item[]): Buffer;
}

export type Resource = Readonly<Record<string, string>>;

/** The scope of everything that this platform makes itself. */
export const OWN_SCOPE = 'flotilla';

export function createProtobufEncoding(resource: Resource): Encoding {
  const writer = new ProtoWriter();
  const item = (write: () => void, scope = OWN_SCOPE): Item => {
    write();
    return { bytes: writer.take(), scope };
  };
  writeAttributes(writer, 1, resource);
  const encodedResource = writer.take();

  /** `ResourceSpans`, `ResourceLogs` and `ResourceMetrics` are numbered alike. */
  function request(_signal: Signal, items: readonly Item[]): Buffer {
    for (const [scope, held] of byScope(items)) {
      writer.message(1, () => writer.text(1, scope));
      for (const { bytes } of held) writer.bytes(2, bytes);
      scopes.push(writer.take());
    }
    writer.bytes(1, encodedResource);
    for (const scope of scopes.splice(0)) writer.bytes(2, scope);
    const whole = writer.take();
    writer.bytes(1, whole);
    return writer.take();
  }
  const scopes: Buffer[] = [];

  return {
    contentType: 'application/x-protobuf',
    span: (span) => item(() => writeSpan(writer, span), span.scope),
    log: (record) => item(() => writeLog(writer, record)),
    metric: (family, encoding) => item(() => writeMetric(writer, family, encoding)),
    request,
  };
}

const JSON_NAMES: Readonly<Record<Signal, readonly [string, string, string]>> = {
  traces: ['resourceSpans', 'scopeSpans', 'spans'],
  logs: ['resourceLogs', 'scopeLogs', 'logRecords'],
  metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'],
};

export function createJsonEncoding(resource: Resource): Encoding {
  const item = (value: object, scope = OWN_SCOPE): Item => ({
    bytes: Buffer.from(JSON.stringify(value)),
    scope,
  });
  const head = JSON.stringify({ attributes: jsonAttributes(resource) });
  return {
    contentType: 'application/json',
    span: (span) => item(jsonSpan(span), span.scope),
    log: (record) => item(jsonLog(record)),
    metric: (family, encoding) => item(jsonMetric(family, encoding)),
    request: (signal, items) => {
      const [resources, scopes, records] = JSON_NAMES[signal];
      const groups = byScope(items).map(([scope, held]) => {
        const list = held.map(({ bytes }) => bytes.toString()).join(',');
        return `{"scope":{"name":${JSON.stringify(scope)}},"${records}":[${list}]}`;
      });
      return Buffer.from(`{"${resources}":[{"resource":${head},"${scopes}":[${groups.join(',')}]}]}`);
    },
  };
}

function byScope(items: readonly Item[]): readonly (readonly [string, Item[]])[] {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const known = groups.get(item.scope);
    if (known === undefined) groups.set(item.scope, [item]);
    else known.push(item);
  }
  return [...groups];
}
