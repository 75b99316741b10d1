import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';

import {
  type ISerializer,
  JsonLogsSerializer,
  JsonMetricsSerializer,
  JsonTraceSerializer,
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { InMemoryLogRecordExporter, LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs';
import {
  AggregationTemporality,
  AggregationType,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { decodeJsonLogs, decodeJsonTraces } from './decode-json.ts';
import { decodeJsonMetrics } from './decode-json-metrics.ts';
import { decodeLogs } from './decode-logs.ts';
import { decodeMetrics } from './decode-metrics.ts';
import { decodeTraces } from './decode-traces.ts';
import type { Decoded } from './records.ts';

const resource = resourceFromAttributes({ 'service.name': 'shop', 'service.version': '1.2.3', beta: true });

function bytesOf<T>(serializer: ISerializer<T, unknown>, value: T): Buffer {
  const bytes = serializer.serializeRequest(value);
  assert.ok(bytes);
  return Buffer.from(bytes);
}

/** Both forms of one request; what they become must be the same. */
function decodeBoth<T, R>(
  value: T,
  proto: { readonly serializer: ISerializer<T, unknown>; readonly decode: (body: Buffer) => Decoded<R> },
  json: { readonly serializer: ISerializer<T, unknown>; readonly decode: (request: unknown) => Decoded<R> },
): readonly R[] {
  const fromProto = proto.decode(bytesOf(proto.serializer, value));
  const fromJson = json.decode(JSON.parse(bytesOf(json.serializer, value).toString()));
  assert.deepEqual(plain(fromProto), plain(fromJson));
  assert.equal(fromProto.rejected, 0);
  return fromProto.records;
}

function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_key, one: unknown) => {
      if (typeof one === 'bigint') return `${one}n`;
      return one instanceof Uint8Array ? Buffer.from(one).toString('hex') : one;
    }),
  );
}

describe('what the SDK of OpenTelemetry sends', () => {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ resource, spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  after(() => provider.shutdown());

  it('as traces is the same in protobuf and in JSON', () => {
    const tracer = provider.getTracer('platform', '1');
    const linked = { traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8), traceFlags: 1 };
    const span = tracer.startSpan('POST /orders', {
      kind: 1,
      attributes: {
        ...{ 'http.route': '/orders', 'http.response.status_code': 202, ratio: 0.25, retried: true },
        ...{ tags: ['a', 'ü'], negative: -5, large: 2 ** 60 },
      },
      links: [{ context: linked, attributes: { why: 'batch' } }],
    });
    span.addEvent('retry', { attempt: 2 });
    span.setStatus({ code: 2, message: 'out of stock' });
    span.end();
    const records = decodeBoth(
      exporter.getFinishedSpans(),
      { serializer: ProtobufTraceSerializer, decode: decodeTraces },
      { serializer: JsonTraceSerializer, decode: decodeJsonTraces },
    );
    const [record] = records;
    assert.ok(record);
    const { traceId, spanId } = span.spanContext();
    assert.equal(Buffer.from(record.traceId).toString('hex'), traceId);
    assert.equal(Buffer.from(record.spanId).toString('hex'), spanId);
    assert.equal(record.parentId, null);
    assert.equal(record.kind, 2);
    assert.deepEqual([record.resource.service, record.resource.version], ['shop', '1.2.3']);
    assert.deepEqual([record.status, record.statusMessage], [2, 'out of stock']);
    assert.deepEqual(
      record.links,
      [{ traceId: linked.traceId, spanId: linked.spanId, attributes: { why: 'batch' } }].map((link) => ({
        ...link,
        attributes: Object.assign(Object.create(null), link.attributes),
      })),
    );
    assert.equal(record.events[0]?.attributes['attempt'], 2);
    assert.equal(record.attributes['large'], String(2n ** 60n));
    assert.equal(record.attributes['negative'], -5);
    assert.ok(record.endNs >= record.startNs && record.startNs > 2n ** 53n);
  });

  it('says in protobuf what its JSON loses: NaN', () => {
    exporter.reset();
    provider
      .getTracer('platform')
      .startSpan('odd', { attributes: { nothing: Number.NaN } })
      .end();
    const { records } = decodeTraces(bytesOf(ProtobufTraceSerializer, exporter.getFinishedSpans()));
    assert.equal(records[0]?.attributes['nothing'], 'NaN');
  });

  it('as logs is the same in protobuf and in JSON', () => {
    const kept = new InMemoryLogRecordExporter();
    const logs = new LoggerProvider({
      resource,
      processors: [new SimpleLogRecordProcessor({ exporter: kept })],
    });
    logs.getLogger('app').emit({
      ...{ body: 'order placed', severityNumber: 13, severityText: 'WARN' },
      attributes: { orderId: '42' },
    });
    logs.getLogger('app').emit({ body: { nested: [1, 'two'] }, eventName: 'order.placed' });
    const [line, event] = decodeBoth(
      kept.getFinishedLogRecords(),
      { serializer: ProtobufLogsSerializer, decode: decodeLogs },
      { serializer: JsonLogsSerializer, decode: decodeJsonLogs },
    );
    assert.deepEqual([line?.body, line?.severity, line?.attributes['orderId']], ['order placed', 13, '42']);
    assert.deepEqual(
      [event?.body, event?.attributes['event.name']],
      ['{"nested":[1,"two"]}', 'order.placed'],
    );
  });

  it('as metrics is the same in protobuf and in JSON', async () => {
    const kept = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter: kept, exportIntervalMillis: 3_600_000 });
    const meters = new MeterProvider({
      ...{ resource, readers: [reader] },
      views: [
        { instrumentName: 'exponential', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } },
      ],
    });
    const meter = meters.getMeter('app');
    meter.createCounter('orders', { unit: '{order}' }).add(3, { flow: 'saga' });
    meter.createUpDownCounter('open').add(-2);
    meter.createGauge('lag', { unit: 's' }).record(1.5);
    const classic = meter.createHistogram('duration', {
      unit: 's',
      advice: { explicitBucketBoundaries: [0.1, 1] },
    });
    for (const seconds of [0.05, 0.5, 7]) classic.record(seconds);
    const exponential = meter.createHistogram('exponential');
    for (const value of [0, 1, 2, 1_000]) exponential.record(value);
    await meters.forceFlush();
    const [sent] = kept.getMetrics();
    assert.ok(sent);
    const points = decodeBoth(
      sent,
      { serializer: ProtobufMetricsSerializer, decode: decodeMetrics },
      { serializer: JsonMetricsSerializer, decode: decodeJsonMetrics },
    );
    await meters.shutdown();
    const named = Object.fromEntries(points.map((point) => [point.name, point]));
    assert.deepEqual(
      [named['orders']?.value, named['orders']?.type, named['orders']?.monotonic],
      [3, 'sum', true],
    );
    assert.deepEqual([named['open']?.value, named['open']?.monotonic], [-2, false]);
    assert.deepEqual([named['lag']?.value, named['lag']?.unit, named['lag']?.type], [1.5, 's', 'gauge']);
    assert.deepEqual(named['duration']?.distribution, { bounds: [0.1, 1], counts: [1, 1, 1] });
    assert.deepEqual([named['duration']?.count, named['duration']?.value], [3, 7.55]);
    assert.equal(named['exponential']?.type, 'exponential');
    assert.equal(named['exponential']?.distribution?.zeroCount, 1);
  });
});
