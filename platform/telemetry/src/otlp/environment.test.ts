import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readOtelEnvironment } from './environment.ts';

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };

function on(env: Record<string, string>) {
  const read = readOtelEnvironment(env);
  assert.equal(read.is, 'on', JSON.stringify(read));
  return read.is === 'on' ? read.settings : assert.fail();
}

describe("OpenTelemetry's variables", () => {
  it('leave everything off when none names a receiver, or all is disabled', () => {
    assert.equal(readOtelEnvironment({}).is, 'off');
    assert.equal(readOtelEnvironment({ OTEL_EXPORTER_OTLP_ENDPOINT: ' ', OTEL_SERVICE_NAME: 'x' }).is, 'off');
    assert.equal(readOtelEnvironment({ ...ENDPOINT, OTEL_SDK_DISABLED: 'true' }).is, 'off');
  });

  it('take the general endpoint for a root, that of a signal as it is', () => {
    const { traces, logs, metrics } = on({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/base/',
      OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: 'https://logs.example/in',
      OTEL_METRICS_EXPORTER: 'none',
    });
    assert.equal(traces?.url.href, 'http://collector:4318/base/v1/traces');
    assert.equal(logs?.url.href, 'https://logs.example/in');
    assert.equal(metrics, undefined);
    assert.equal(on({ OTEL_TRACES_EXPORTER: 'otlp' }).traces?.url.href, 'http://localhost:4318/v1/traces');
  });

  it('have the defaults of the specification', () => {
    const { traces, spans, logRecords, metricIntervalMs, sampler, exponentialHistograms } = on(ENDPOINT);
    assert.deepEqual(
      { ...traces, url: '' },
      {
        url: '',
        protocol: 'http/protobuf',
        headers: {},
        timeoutMs: 10_000,
        isCompressed: false,
        ca: undefined,
      },
    );
    assert.deepEqual(spans, { maxQueue: 2_048, maxBatch: 512, delayMs: 5_000 });
    assert.deepEqual(logRecords, { maxQueue: 2_048, maxBatch: 512, delayMs: 1_000 });
    assert.equal(metricIntervalMs, 60_000);
    assert.deepEqual(sampler, { followsParent: true, ratio: 1 });
    assert.equal(exponentialHistograms, false);
  });

  it('read headers, attributes and what a signal has of its own', () => {
    const { traces, logs, resource, sampler } = on({
      ...ENDPOINT,
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%20b, x=1',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'only=this',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_EXPORTER_OTLP_LOGS_PROTOCOL: 'http/json',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
      OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
    });
    assert.deepEqual(traces?.headers, { only: 'this' });
    assert.deepEqual(logs?.headers, { 'api-key': 'a b', x: '1' });
    assert.deepEqual([traces?.protocol, logs?.protocol], ['http/protobuf', 'http/json']);
    assert.equal(logs?.isCompressed, true);
    assert.deepEqual(resource, { 'deployment.environment.name': 'test' });
    assert.deepEqual(sampler, { followsParent: false, ratio: 0.25 });
  });

  it('are told apart from what cannot be used, all at once and without a secret', () => {
    const read = readOtelEnvironment({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_HEADERS: 'hunter2',
      OTEL_EXPORTER_OTLP_CERTIFICATE: '/nowhere.pem',
      OTEL_BSP_MAX_QUEUE_SIZE: '-1',
      OTEL_TRACES_SAMPLER: 'jaeger_remote',
      OTEL_METRICS_EXPORTER: 'prometheus',
    });
    assert.equal(read.is, 'unusable');
    const text = read.is === 'unusable' ? [...new Set(read.problems)].join('\n') : '';
    for (const name of [
      '_ENDPOINT',
      '_PROTOCOL',
      '_HEADERS',
      '_CERTIFICATE',
      'OTEL_BSP_MAX',
      '_SAMPLER',
      'OTEL_METRICS_EXPORTER',
    ])
      assert.ok(text.includes(name), `${name} in ${text}`);
    assert.doesNotMatch(text, /hunter2/);
  });
});
