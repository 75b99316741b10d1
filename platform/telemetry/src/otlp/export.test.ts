import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { PlatformError } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { startTestCollector } from '../../test/collector.ts';
import { decodeAsCollector, findJudges } from '../../test/judges.ts';
import { runInContext } from '../context.ts';
import { createLogger, type Logger, silentLogger } from '../logger.ts';
import { createMetrics } from '../metrics/metrics.ts';
import { type SpanAttributes, withSpan } from '../trace/span.ts';
import { newTrace } from '../trace/trace-context.ts';
import { readTelemetrySettings, startTelemetry } from './start-telemetry.ts';

type Env = Readonly<Record<string, string>>;

const refuse = (problems: readonly string[]): never => assert.fail(problems.join('\n'));

async function start(env: Env, logger: Logger = silentLogger) {
  const metrics = createMetrics();
  const settings = readTelemetrySettings(
    { OTEL_BSP_SCHEDULE_DELAY: '10', OTEL_BLRP_SCHEDULE_DELAY: '10', ...env },
    refuse,
  );
  const common = { service: 'order', version: '1.0.0', instance: 'order-1', logsSpans: false };
  const { close } = await startTelemetry({ ...common, metrics, logger, settings });
  const count = (signal: string, outcome: string) =>
    Number(
      new RegExp(`telemetry_exported_total\\{signal="${signal}",outcome="${outcome}"\\} (\\d+)`).exec(
        metrics.render(),
      )?.[1] ?? 0,
    );
  return { metrics, close, count };
}

async function open(t: TestContext, env: Env = {}, answer?: Parameters<typeof startTestCollector>[0]) {
  const collector = await startTestCollector(answer);
  t.after(() => collector.close());
  const running = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...env });
  t.after(() => running.close());
  const spans = () =>
    collector.received
      .filter(({ path, headers }) => path === '/v1/traces' && headers['content-type'] === 'application/json')
      .flatMap(({ body }) => spansOf(JSON.parse(body.toString())));
  return { collector, spans, ...running };
}

interface SentSpan {
  readonly name: string;
  readonly traceId: string;
  readonly parentSpanId?: string;
  readonly scope: string;
}

function spansOf(request: unknown): readonly SentSpan[] {
  type Request = {
    resourceSpans: { scopeSpans: { scope: { name: string }; spans: Omit<SentSpan, 'scope'>[] }[] }[];
  };
  return (request as Request).resourceSpans
    .flatMap(({ scopeSpans }) => scopeSpans)
    .flatMap(({ scope, spans }) => spans.map((span) => ({ ...span, scope: scope.name })));
}

const JSON_PROTOCOL = { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' };
/** What is hard to write. */
const ODD: SpanAttributes = {
  text: 'päöü\ud800"\\\n',
  long: 'x'.repeat(20_000),
  whole: 2 ** 40,
  negative: -5,
  part: 0.1,
  nan: Number.NaN,
  infinite: Number.POSITIVE_INFINITY,
  beyond: 2 ** 63,
  yes: true,
  nothing: undefined,
  '': 'no name',
};

const makeSpan = (name: string, attributes: SpanAttributes = {}) =>
  withSpan(name, attributes, () => undefined);

describe('the export of spans', () => {
  it('sends what ended, each once, with its parent and resource', async (t) => {
    const { collector, spans, count } = await open(t, JSON_PROTOCOL);
    await withSpan('outer', {}, () => makeSpan('inner'));
    await eventually('both are there', () => spans().length === 2);
    const [inner, outer] = spans();
    assert.deepEqual([inner?.name, outer?.name], ['inner', 'outer']);
    assert.equal(inner?.traceId, outer?.traceId);
    assert.match(inner?.parentSpanId ?? '', /^[0-9a-f]{16}$/);
    assert.equal(outer?.parentSpanId, undefined);
    const text = collector.received[0]?.body.toString() ?? '';
    for (const fact of [
      '"service.name"',
      '"order"',
      '"service.instance.id"',
      '"order-1"',
      '"service.version"',
    ])
      assert.ok(text.includes(fact), fact);
    await eventually('they are counted', () => count('traces', 'accepted') === 2);
  });

  it('sends the last span before the end, also when the receiver asks to come again', async (t) => {
    const answer: Parameters<typeof startTestCollector>[0] = (response, _request, calls) => {
      if (calls === 1) response.writeHead(503, { 'retry-after': '30' });
      response.end();
    };
    const { spans, close, count } = await open(
      t,
      { ...JSON_PROTOCOL, OTEL_BSP_SCHEDULE_DELAY: '60000' },
      answer,
    );
    await makeSpan('last');
    await close();
    assert.deepEqual(
      spans().map(({ name }) => name),
      ['last', 'last'],
    );
    assert.equal(count('traces', 'accepted'), 1);
  });

  it('ends within its time when nobody answers, and counts what is lost', async (t) => {
    const { close, count } = await open(t, { OTEL_BSP_SCHEDULE_DELAY: '60000' }, () => undefined);
    await makeSpan('lost');
    await close();
    assert.equal(count('traces', 'unreachable'), 1);
  });

  it('waits as long as the receiver asks', async (t) => {
    let since = 0;
    const { count } = await open(t, {}, (response, _request, calls) => {
      if (calls === 1) {
        since = performance.now();
        response.writeHead(429, { 'retry-after': '1' });
      }
      response.end();
    });
    await makeSpan('later');
    await eventually('it is taken', () => count('traces', 'accepted') === 1);
    assert.ok(performance.now() - since >= 950);
  });

  it('keeps its bounds while the receiver is away, drops the oldest, counts them, and says so once', async (t) => {
    const told: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (_fields, message) => told.push(message) };
    const settings = { OTEL_BSP_MAX_QUEUE_SIZE: '10', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '5' };
    const away = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:1/v1/traces' };
    const { close, count } = await start({ ...settings, ...away }, logger);
    t.after(close);
    for (let index = 0; index < 100; index += 1) await makeSpan(`span ${index}`);
    assert.equal(count('traces', 'queue-full'), 100 - 10 - 5);
    await close();
    assert.deepEqual(told, ['telemetry is not taken']);
    assert.equal(count('traces', 'unreachable'), 15);
  });

  it('saves the good half of a batch that is refused, and tells why', async (t) => {
    const { count, spans } = await open(
      t,
      { ...JSON_PROTOCOL, OTEL_BSP_SCHEDULE_DELAY: '100' },
      (response, { body }) => {
        if (body.includes('"bad"')) response.writeHead(400, { 'content-type': 'application/json' });
        response.end(body.includes('"bad"') ? '{"code":3,"message":"no such span"}' : '{}');
      },
    );
    for (const name of ['good 1', 'good 2', 'bad', 'good 3']) await makeSpan(name);
    await eventually(
      'all are settled',
      () => count('traces', 'accepted') + count('traces', 'rejected') === 4,
    );
    assert.equal(count('traces', 'accepted'), 2);
    assert.equal(spans().length, 4 + 2 + 2);
  });

  it('counts what a receiver refuses of a batch that it takes', async (t) => {
    // ExportTraceServiceResponse { partial_success { rejected_spans: 1, error_message: "no" } }
    const partial = Buffer.from([0x0a, 0x06, 0x08, 0x01, 0x12, 0x02, 0x6e, 0x6f]);
    const { count } = await open(t, { OTEL_BSP_SCHEDULE_DELAY: '100' }, (response) => response.end(partial));
    for (const name of ['a', 'b', 'c']) await makeSpan(name);
    await eventually('all are settled', () => count('traces', 'accepted') === 2);
    assert.equal(count('traces', 'rejected'), 1);
  });

  it('samples by the trace, failures and slow spans always', async (t) => {
    const { spans } = await open(t, {
      ...JSON_PROTOCOL,
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0',
      OTEL_FLOTILLA_SLOW_SPAN_MS: '50',
    });
    await makeSpan('quick');
    await withSpan('slow', {}, () => new Promise((resolve) => setTimeout(resolve, 60)));
    await withSpan('failed', {}, () => Promise.reject(new PlatformError('DOWN', 'x'))).catch(() => undefined);
    const sampled = { ...newTrace(), sampled: true };
    await runInContext({ trace: sampled }, () => makeSpan('asked for by the caller'));
    await eventually('three are there', () => spans().length === 3);
    assert.deepEqual(
      spans().map(({ name }) => name),
      ['slow', 'failed', 'asked for by the caller'],
    );
  });

  it('makes no span where nobody wants one', async () => {
    const { close } = await start({});
    await makeSpan('nobody');
    await close();
  });

  it('is one trace with libraries that use the API of OpenTelemetry', async (t) => {
    const { spans } = await open(t, JSON_PROTOCOL);
    const { trace, context, propagation, SpanKind } = await import('@opentelemetry/api');
    const tracer = trace.getTracer('foreign-library');
    await withSpan('ours', {}, () =>
      tracer.startActiveSpan('theirs', { kind: SpanKind.CLIENT }, async (span) => {
        const carrier: Record<string, string> = {};
        propagation.inject(context.active(), carrier);
        assert.equal(
          carrier['traceparent'],
          `00-${span.spanContext().traceId}-${span.spanContext().spanId}-01`,
        );
        await makeSpan('ours again');
        span.recordException(new Error('seen'));
        span.setAttribute('late', [1, 2]).end();
        span.setAttribute('after the end', true);
      }),
    );
    await eventually('three are there', () => spans().length === 3);
    const [again, theirs, ours] = ['ours again', 'theirs', 'ours'].map((called) =>
      spans().find(({ name }) => name === called),
    );
    assert.equal(new Set(spans().map(({ traceId }) => traceId)).size, 1);
    assert.equal(theirs?.scope, 'foreign-library');
    assert.equal(ours?.scope, 'flotilla');
    const idOf = (span: SentSpan | undefined) => (span as { spanId?: string } | undefined)?.spanId;
    assert.equal(theirs?.parentSpanId, idOf(ours));
    assert.equal(again?.parentSpanId, idOf(theirs));
  });
});

/** Sends one of everything, and gives what the Collector's decoder makes of it, as text by signal. */
async function sendAll(t: TestContext, judges: string, env: Env) {
  const { collector, close, metrics } = await open(t, env);
  const logger = createLogger({ service: 'order', destination: { write: () => undefined } });
  const trace = newTrace();
  await runInContext({ trace }, () => makeSpan('odd', ODD));
  const err = new PlatformError('DOWN', 'x');
  runInContext({ trace }, () => logger.child({ part: 'x' }).error({ err, list: [1, { a: null }] }, 'failed'));
  metrics.counter('orders_total', 'Orders.', ['k']).inc({ k: 'v' });
  metrics.gauge('odd_bytes', 'Odd.').set(Number.NaN);
  const histogram = metrics.histogram('wait_seconds', 'Waited.', [0.1, 1]);
  for (const value of [0, 0.001, 0.51, 3]) histogram.observe(value);
  histogram.observe(0.5, {}, trace);
  await close();
  const encoding = env['OTEL_EXPORTER_OTLP_PROTOCOL'] === 'http/json' ? 'json' : 'proto';
  const decoded = (signal: 'traces' | 'logs' | 'metrics') => {
    const body = collector.received.find(({ path }) => path === `/v1/${signal}`)?.body ?? assert.fail(signal);
    return JSON.stringify(decodeAsCollector(judges, signal, encoding, body));
  };
  const packed = collector.received[0]?.headers['content-encoding'];
  return { traces: decoded('traces'), logs: decoded('logs'), metrics: decoded('metrics'), trace, packed };
}

function assertHolds(text: string, facts: readonly string[]): void {
  for (const fact of facts)
    assert.ok(text.includes(fact), `${fact} in ${text.replace(/x{20,}/, 'x…').slice(0, 3_000)}`);
}

const judges = findJudges();
if (judges !== undefined)
  describe("the Collector's decoder", () => {
    for (const protocol of ['http/protobuf', 'http/json'] as const)
      for (const compression of ['none', 'gzip'])
        it(`reads spans, logs and metrics, ${protocol}, ${compression}`, async (t) => {
          const { traces, logs, metrics, trace, packed } = await sendAll(t, judges, {
            OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
            OTEL_EXPORTER_OTLP_COMPRESSION: compression,
          });
          assertHolds(traces, [
            `"traceId":"${trace.traceId}"`,
            `"parentSpanId":"${trace.spanId}"`,
            '"name":"odd"',
            '"key":"whole","value":{"intValue":"1099511627776"}',
            '"key":"negative","value":{"intValue":"-5"}',
            '"key":"nan","value":{"stringValue":"NaN"}',
            '"key":"beyond","value":{"doubleValue":9223372036854776000}',
            'päöü\ufffd',
          ]);
          assertHolds(logs, [
            '"exception.type","value":{"stringValue":"DOWN"}',
            '"severityNumber":17',
            '"key":"part"',
            trace.spanId,
          ]);
          assertHolds(metrics, [
            '"name":"orders"',
            '"isMonotonic":true',
            '"name":"wait"',
            '"unit":"s"',
            '"bucketCounts":["2","2","1"],"explicitBounds":[0.1,1]',
            trace.traceId,
          ]);
          assert.equal(packed, compression === 'gzip' ? 'gzip' : undefined);
        });

    it('reads base-2 exponential histograms', async (t) => {
      const { metrics } = await sendAll(t, judges, {
        OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: 'base2_exponential_bucket_histogram',
      });
      const [, point = ''] = /"name":"wait".*?"exponentialHistogram":(.*?"max":[\d.]+)/.exec(metrics) ?? [];
      assert.match(point, /"count":"5".*"scale":3,"zeroCount":"1"/);
    });

    it('is a judge that says no', () => {
      const bad = Buffer.from('{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"zz"}]}]}]}');
      assert.throws(() => decodeAsCollector(judges, 'traces', 'json', bad));
    });
  });
