import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openReader } from '@flotilla/telemetry-store';
import { createTestStore } from '@flotilla/telemetry-store/testing';
import { ORDER } from './sample-deps.ts';

/** Some minutes of an order's traffic in a store of its own. */
export function fillTelemetry() {
  const folder = mkdtempSync(join(tmpdir(), 'console-telemetry-'));
  const file = join(folder, 'telemetry.db');
  const store = createTestStore(file);
  const traceId = 'a1'.repeat(16);
  for (let minute = 0; minute < 4; minute += 1) {
    const startMs = Date.now() - 40_000 * (minute + 1);
    sendTrace(store, minute === 0 ? traceId : `${minute}`.repeat(32), startMs);
  }
  sendMetrics(store);
  store.settle();
  const reader = openReader(file);
  return {
    ...{ folder, reader, traceId },
    close: () => {
      reader.close();
      store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

type Store = ReturnType<typeof createTestStore>;

function sendTrace(store: Store, traceId: string, startMs: number): void {
  const span = (
    id: number,
    parent: number,
    kind: number,
    name: string,
    at: number,
    tookMs: number,
    attributes: object = {},
  ) => ({
    ...{ traceId, spanId: `${id}`.padStart(16, '0'), name, kind },
    ...(parent > 0 && { parentSpanId: `${parent}`.padStart(16, '0') }),
    startTimeUnixNano: `${startMs + at}000000`,
    endTimeUnixNano: `${startMs + at + tookMs}000000`,
    attributes: [
      { key: 'order.id', value: { stringValue: ORDER } },
      ...Object.entries(attributes).map(([key, value]) => ({ key, value: { stringValue: String(value) } })),
    ],
    status: name.includes('shipments') ? { code: 2, message: 'ECONNREFUSED' } : {},
  });
  const send = (service: string, spans: readonly object[]) =>
    store.send('traces', { resourceSpans: [{ resource: resourceOf(service), scopeSpans: [{ spans }] }] });
  send('gateway', [
    span(1, 0, 2, 'POST /orders', 0, 120),
    span(2, 1, 3, 'POST order', 4, 110, { 'peer.service': 'order' }),
  ]);
  send('order', [
    span(3, 2, 2, 'POST /orders', 6, 100),
    span(4, 3, 3, 'INSERT', 8, 6, { 'db.system.name': 'postgresql', 'db.namespace': 'order' }),
    span(5, 3, 3, 'ReserveStock', 16, 22, { 'peer.service': 'inventory' }),
    span(6, 3, 3, 'POST /payments', 40, 38, { 'peer.service': 'payment' }),
    span(7, 3, 3, 'POST /shipments', 80, 20, { 'peer.service': 'shipping' }),
    span(8, 3, 4, 'send order.placed.v1', 102, 2, { 'messaging.system': 'postgresql' }),
  ]);
  send('inventory', [span(9, 5, 2, 'ReserveStock', 20, 14)]);
  send('payment', [span(10, 6, 2, 'POST /payments', 44, 30), span(11, 99, 1, 'settle', 60, 10)]);
  const logRecords = ['order placed', 'payment captured', 'shipping does not answer'].map((body, index) => ({
    ...{ timeUnixNano: `${startMs + index * 40}000000`, severityNumber: index === 2 ? 17 : 9, traceId },
    body: { stringValue: `${body} ${ORDER}` },
  }));
  store.send('logs', { resourceLogs: [{ resource: resourceOf('order'), scopeLogs: [{ logRecords }] }] });
}

function resourceOf(service: string): object {
  return { attributes: [{ key: 'service.name', value: { stringValue: service } }] };
}

/** A histogram and a gauge, told every 15 seconds. */
function sendMetrics(store: Store): void {
  for (let step = 0; step < 40; step += 1) {
    const timeUnixNano = `${Date.now() - (40 - step) * 15_000}000000`;
    const count = 40 * (step + 1);
    const counts = [
      Math.round(count * 0.6),
      Math.round(count * 0.35),
      count - Math.round(count * 0.6) - Math.round(count * 0.35),
    ];
    const histogram = {
      ...{ name: 'http.server.request.duration', unit: 's', description: 'How long requests took.' },
      histogram: {
        aggregationTemporality: 2,
        dataPoints: [
          { timeUnixNano, count, sum: count * 0.02, bucketCounts: counts, explicitBounds: [0.025, 0.1] },
        ],
      },
    };
    const gauge = {
      ...{ name: 'process.memory.usage', unit: 'By', description: 'Memory of the process.' },
      gauge: { dataPoints: [{ timeUnixNano, asDouble: 9e7 + Math.sin(step / 4) * 1e7 }] },
    };
    for (const service of ['order', 'gateway'])
      store.send('metrics', {
        resourceMetrics: [{ resource: resourceOf(service), scopeMetrics: [{ metrics: [histogram, gauge] }] }],
      });
  }
}
