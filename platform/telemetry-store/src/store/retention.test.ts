import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  attributes,
  hex,
  openTestStore,
  type TestSpan,
  type TestStore,
  tracesOf,
} from '../../test/open-store.ts';
import { DEFAULT_CAPS } from './prune.ts';

const NOW_MS = 1_700_000_000_000;
let traceCount = 1;

function newTraceId(): string {
  traceCount += 1;
  return hex(traceCount, 16);
}

function traces(
  store: TestStore,
  service: string,
  count: number,
  more: Partial<TestSpan> = {},
): readonly string[] {
  const ids = Array.from({ length: count }, newTraceId);
  const spans = ids.map((traceId, index) => ({
    traceId,
    spanId: hex(index + 1, 8),
    startMs: NOW_MS + traceCount,
    ...more,
  }));
  store.json('traces', tracesOf(service, spans));
  return ids;
}

/** As the thread does between requests. */
function settle({ engine }: TestStore): void {
  while (engine.tend());
}

describe('what is kept', () => {
  it('of a quiet service is not pushed out by a loud one', () => {
    using store = openTestStore({ caps: { ...DEFAULT_CAPS, spans: 5_000 } });
    const quiet = traces(store, 'quiet', 1_000);
    for (let round = 0; round < 20; round += 1) traces(store, 'loud', 1_000);
    settle(store);
    assert.ok(quiet.every((id) => store.reader.traces.find(id) !== undefined));
    const kept = store.reader.traces.list({ service: 'loud', limit: 1 });
    assert.equal(kept.traces.length, 1);
  });

  it('are errors, slow traces and examples of metrics, longer than others', () => {
    using store = openTestStore({ caps: { ...DEFAULT_CAPS, spans: 3_000 }, slowMs: 1_000 });
    const [failed] = traces(store, 'shop', 1, { error: true });
    const [slow] = traces(store, 'shop', 1, { durationMs: 1_500 });
    const [example] = traces(store, 'shop', 1);
    const [ordinary] = traces(store, 'shop', 1);
    store.json('metrics', metricWithExemplar(example ?? ''));
    for (let round = 0; round < 10; round += 1) traces(store, 'shop', 1_000);
    settle(store);
    const found = [failed, slow, example, ordinary].map((id = '') => store.reader.traces.find(id)?.pinned);
    assert.deepEqual(found, [['error'], ['slow'], ['exemplar'], undefined]);
  });

  it('is not all errors where everything fails', () => {
    using store = openTestStore({ caps: { ...DEFAULT_CAPS, spans: 2_000, pinnedRatio: 0.5 } });
    const fine = traces(store, 'shop', 500);
    for (let round = 0; round < 10; round += 1) traces(store, 'shop', 500, { error: true });
    settle(store);
    assert.ok(fine.every((id) => store.reader.traces.find(id) !== undefined));
  });

  it('fits into the bytes that are allowed, whatever was sent', () => {
    using store = openTestStore({ caps: { ...DEFAULT_CAPS, bytes: 4 * 1_048_576 } });
    for (let round = 0; round < 20; round += 1) {
      traces(store, 'shop', 1_000, { attributes: { text: 'x'.repeat(300) } });
      store.json('logs', logsOf('shop', 500, 'y'.repeat(300)));
      settle(store);
    }
    assert.ok(store.reader.traces.list({}).traces.length > 0);
    assert.ok(store.reader.logs.list({}).length > 0);
    const size = store.usedBytes();
    assert.ok(size <= 4.5 * 1_048_576, `${size} bytes`);
  });

  it('of lines is fair, too, and gone from the search', () => {
    using store = openTestStore({ caps: { ...DEFAULT_CAPS, logs: 1_000 } });
    store.json('logs', logsOf('quiet', 100, 'whisper'));
    store.json('logs', logsOf('loud', 100, 'beginning'));
    for (let round = 0; round < 30; round += 1) store.json('logs', logsOf('loud', 100, 'shout'));
    settle(store);
    assert.equal(store.reader.logs.list({ service: 'quiet', limit: 1_000 }).length, 100);
    assert.equal(store.reader.logs.list({ text: 'whisper', limit: 1_000 }).length, 100);
    assert.equal(store.reader.logs.list({ text: 'beginning' }).length, 0);
  });

  it('of points is bounded', () => {
    using store = openTestStore({ caps: { ...DEFAULT_CAPS, points: 1_000 } });
    for (let round = 0; round < 3_000; round += 1) store.json('metrics', metricOf('shop', round));
    settle(store);
    const [series] = store.reader.metrics.series({ name: 'lag', fromMs: 0, toMs: 2 * NOW_MS });
    assert.ok(
      series && series.points.length <= 1_000 && series.points.length > 900,
      `${series?.points.length}`,
    );
    assert.equal(series.points.at(-1)?.value, 2_999);
  });
});

function logsOf(service: string, count: number, body: string): object {
  const logRecords = Array.from({ length: count }, (_, index) => ({
    timeUnixNano: `${NOW_MS + index}000000`,
    severityNumber: 9,
    body: { stringValue: body },
  }));
  const resource = { attributes: attributes({ 'service.name': service }) };
  return { resourceLogs: [{ resource, scopeLogs: [{ logRecords }] }] };
}

function metricOf(service: string, value: number, exemplars: readonly object[] = []): object {
  const dataPoints = [{ asDouble: value, timeUnixNano: `${NOW_MS + value}000000`, exemplars }];
  const resource = { attributes: attributes({ 'service.name': service }) };
  return {
    resourceMetrics: [{ resource, scopeMetrics: [{ metrics: [{ name: 'lag', gauge: { dataPoints } }] }] }],
  };
}

function metricWithExemplar(traceId: string): object {
  return metricOf('shop', 1, [{ traceId, spanId: hex(1, 8), asDouble: 1 }]);
}
