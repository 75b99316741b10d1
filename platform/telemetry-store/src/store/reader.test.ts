import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { attributes, hex, openTestStore, tracesOf } from '../../test/open-store.ts';

const NOW_MS = 1_700_000_000_000;
const id = (number: number) => hex(number, 16);

describe('questions to the store', () => {
  it('find traces by service, name, duration, errors, attribute and time', () => {
    using store = openTestStore();
    store.json(
      'traces',
      tracesOf('gateway', [
        { traceId: id(1), spanId: hex(1, 8), name: 'POST /orders', startMs: NOW_MS, durationMs: 50 },
        { traceId: id(2), spanId: hex(1, 8), name: 'GET /cart', startMs: NOW_MS + 1_000, durationMs: 5 },
      ]),
    );
    store.json(
      'traces',
      tracesOf('order', [
        {
          traceId: id(1),
          spanId: hex(2, 8),
          parentSpanId: hex(1, 8),
          startMs: NOW_MS + 10,
          error: true,
          attributes: { 'order.id': 'o_1%' },
        },
      ]),
    );
    const found = (filter: Parameters<typeof store.reader.traces.list>[0]) =>
      store.reader.traces.list(filter).traces.map(({ traceId }) => Number.parseInt(traceId, 16));
    assert.deepEqual(found({}), [2, 1]);
    assert.deepEqual(found({ service: 'order' }), [1]);
    assert.deepEqual(found({ name: 'post' }), [1]);
    assert.deepEqual(found({ name: '%' }), []);
    assert.deepEqual(found({ minDurationMs: 20 }), [1]);
    assert.deepEqual(found({ hasErrors: true }), [1]);
    assert.deepEqual(found({ attribute: 'order.id=o_1%' }), [1]);
    assert.deepEqual(found({ attribute: 'order.id=o_2' }), []);
    assert.deepEqual(found({ toMs: NOW_MS + 500 }), [1]);
    assert.deepEqual(
      store.reader.traces.withAttribute('order.id', 'o_1%', 5).map(({ traceId }) => traceId),
      [id(1)],
    );
    const page = store.reader.traces.list({ limit: 1 });
    assert.deepEqual(
      store.reader.traces.list({ toMs: page.next ?? 0 }).traces.map(({ traceId }) => traceId),
      [id(1)],
    );
  });

  it('show a trace whole, with the service of its root and who takes part', () => {
    using store = openTestStore();
    store.json(
      'traces',
      tracesOf('order', [
        { traceId: id(1), spanId: hex(2, 8), parentSpanId: hex(1, 8), startMs: NOW_MS + 10 },
      ]),
    );
    assert.deepEqual(
      [store.reader.traces.find(id(1))?.name, store.reader.traces.find(id(1))?.service],
      [null, 'order'],
    );
    store.json(
      'traces',
      tracesOf('gateway', [
        { traceId: id(1), spanId: hex(1, 8), name: 'POST /orders', startMs: NOW_MS, durationMs: 50 },
      ]),
    );
    const trace = store.reader.traces.find(id(1));
    assert.deepEqual(
      [trace?.name, trace?.service, trace?.spans, trace?.durationMs],
      ['POST /orders', 'gateway', 2, 50],
    );
    assert.deepEqual(
      trace?.details.map(({ service, offsetUs }) => [service, offsetUs]),
      [
        ['gateway', 0],
        ['order', 10_000],
      ],
    );
    assert.equal(store.reader.traces.find('no id'), undefined);
    assert.equal(store.reader.traces.find(id(9)), undefined);
  });

  it('find lines by words, severity and trace, and follow what comes', () => {
    using store = openTestStore();
    const line = (body: string, severityNumber: number, traceId = '') => ({
      ...{ timeUnixNano: `${NOW_MS}000000`, severityNumber, traceId, body: { stringValue: body } },
      attributes: attributes({ orderId: 'ord-7' }),
    });
    const send = (logRecords: readonly object[]) =>
      store.json('logs', {
        resourceLogs: [
          { resource: { attributes: attributes({ 'service.name': 'order' }) }, scopeLogs: [{ logRecords }] },
        ],
      });
    send([line('order placed', 9, id(3)), line('payment failed', 17)]);
    const bodies = (filter: Parameters<typeof store.reader.logs.list>[0]) =>
      store.reader.logs.list(filter).map(({ body }) => body);
    assert.deepEqual(bodies({ text: 'fail' }), ['payment failed']);
    assert.deepEqual(bodies({ text: 'placed ord-7' }), ['order placed']);
    assert.deepEqual(bodies({ text: '" NEAR(' }), []);
    assert.deepEqual(bodies({ minSeverity: 17 }), ['payment failed']);
    assert.deepEqual(bodies({ traceId: id(3) }), ['order placed']);
    const newest = store.reader.logs.newest();
    assert.deepEqual(bodies({ afterId: newest }), []);
    send([line('a third', 9)]);
    assert.deepEqual(bodies({ afterId: newest }), ['a third']);
  });
});
