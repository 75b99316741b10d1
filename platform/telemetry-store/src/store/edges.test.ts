import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hex, openTestStore, type TestStore, tracesOf } from '../../test/open-store.ts';

const NOW_MS = 1_700_000_000_000;
const TRACE = hex(1, 16);
const client = (id: number, attributes: Readonly<Record<string, string>> = {}) => ({
  ...{ traceId: TRACE, spanId: hex(id, 8), kind: 3, durationMs: 20, attributes, parentSpanId: hex(99, 8) },
});
const server = (id: number, parent?: number, error = false) => ({
  ...{ traceId: TRACE, spanId: hex(id, 8), kind: 2, durationMs: 10, error },
  ...(parent !== undefined && { parentSpanId: hex(parent, 8) }),
});

function edges({ reader }: TestStore) {
  return reader.edges
    .list(NOW_MS - 60_000, NOW_MS + 60_000)
    .map(({ source, target, kind, count, errors, halves }) => [source, target, kind, count, errors, halves]);
}

describe('who calls whom', () => {
  it('is told by both halves, in whatever order they come', () => {
    let nowMs = NOW_MS;
    using store = openTestStore({}, () => nowMs);
    store.json('traces', tracesOf('payment', [server(2, 1, true)]));
    store.json('traces', tracesOf('order', [{ ...client(1), error: true }, client(3)]));
    store.json('traces', tracesOf('payment', [server(4, 3)]));
    nowMs += 60_000;
    store.engine.tend();
    assert.deepEqual(edges(store), [['order', 'payment', 'call', 2, 1, 'both']]);
    const [edge] = store.reader.edges.list(NOW_MS - 60_000, NOW_MS + 60_000);
    assert.ok(edge?.p95Ms && Math.abs(edge.p95Ms - 20) < 5, `${edge?.p95Ms}`);
    assert.equal(
      edge.steps.reduce((sum, count) => sum + count, 0),
      2,
    );
  });

  it('is one half where the other one never comes', () => {
    let nowMs = NOW_MS;
    using store = openTestStore({}, () => nowMs);
    store.json('traces', tracesOf('order', [client(1, { 'server.address': 'mail.example' })]));
    store.json('traces', tracesOf('gateway', [server(2)]));
    store.json('traces', tracesOf('cart', [server(3, 77)]));
    store.engine.tend();
    assert.equal(edges(store).length, 1); // what has no parent is complete; the others may still come
    nowMs += 60_000;
    store.engine.tend();
    assert.deepEqual(
      new Set(edges(store).map((edge) => edge.join(' '))),
      new Set([
        'outside gateway call 1 0 target',
        'outside cart call 1 0 target',
        'order mail.example call 1 0 source',
      ]),
    );
  });

  it('has databases and the bus as nodes', () => {
    using store = openTestStore({}, () => NOW_MS);
    store.json(
      'traces',
      tracesOf('order', [
        { ...client(1), attributes: { 'db.system.name': 'postgresql', 'db.namespace': 'order' } },
        { ...client(2), kind: 4, attributes: { 'messaging.system': 'postgres' } },
      ]),
    );
    store.json(
      'traces',
      tracesOf('cart', [{ ...server(3), kind: 5, attributes: { 'messaging.system': 'postgres' } }]),
    );
    store.engine.tend();
    assert.deepEqual(
      new Set(edges(store).map((edge) => edge.slice(0, 4).join(' '))),
      new Set(['order order database 1', 'order postgres publish 1', 'postgres cart deliver 1']),
    );
  });

  it('counts every attempt of a call', () => {
    using store = openTestStore({}, () => NOW_MS);
    store.json('traces', tracesOf('order', [client(1)]));
    store.json('traces', tracesOf('payment', [server(2, 1), server(3, 1)]));
    store.engine.tend();
    assert.deepEqual(edges(store), [['order', 'payment', 'call', 2, 0, 'both']]);
  });
});
