import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { attributes, hex, openTestStore, tracesOf } from '../../test/open-store.ts';

const TRACE = hex(0xa1, 16);

describe('a request that is not quite right', () => {
  it('loses the one bad span, and the answer says why', () => {
    using store = openTestStore();
    const good = { traceId: TRACE, spanId: hex(1, 8) };
    const base64 = Buffer.from(TRACE, 'hex').toString('base64');
    for (const [bad, reason] of [
      [{ traceId: base64, spanId: hex(2, 8) }, /hexadecimal is expected/],
      [{ traceId: 'zz', spanId: hex(2, 8) }, /not hexadecimal/],
      [{ traceId: hex(1, 8), spanId: hex(2, 8) }, /trace id has 16 bytes, got 8/],
      [{ traceId: hex(0, 16), spanId: hex(2, 8) }, /all zeros/],
      [{ traceId: TRACE, spanId: '' }, /span id has 8 bytes, got 0/],
    ] as const) {
      const outcome = store.json('traces', tracesOf('shop', [bad, good]));
      assert.ok(outcome.kind === 'kept');
      assert.deepEqual([outcome.kept, outcome.rejected], [1, 1]);
      assert.match(outcome.reason, reason);
    }
    assert.equal(
      store.reader.losses().reduce((sum, { count }) => sum + count, 0),
      5,
    );
  });

  it('is taken in the spellings of other senders', () => {
    using store = openTestStore();
    const outcome = store.json('traces', {
      resource_spans: [
        {
          resource: { attributes: attributes({ 'service.name': 'snake' }), unknown: 1 },
          scope_spans: [
            {
              scope: null,
              spans: [
                {
                  ...{ trace_id: TRACE.toUpperCase(), span_id: hex(7, 8).toUpperCase(), parent_span_id: '' },
                  ...{ name: 'named', kind: 'SPAN_KIND_CLIENT', flags: 257 },
                  ...{
                    start_time_unix_nano: 1_700_000_000_000_000_000,
                    end_time_unix_nano: '1700000000500000000',
                  },
                  attributes: [
                    { key: 'n', value: { int_value: '9007199254740993' } },
                    { key: 'd', value: { doubleValue: 'Infinity' } },
                    { key: '__proto__', value: { stringValue: 'kept' } },
                    { key: 'none', value: null },
                  ],
                  status: { code: 'STATUS_CODE_ERROR' },
                },
              ],
            },
          ],
        },
      ],
    });
    assert.deepEqual(outcome, { kind: 'kept', kept: 1, rejected: 0, reason: '' });
    const [span] = store.reader.traces.find(TRACE)?.details ?? [];
    assert.ok(span);
    assert.deepEqual([span.kind, span.status, span.parentId, span.durationUs], [3, 2, null, 500_000]);
    assert.deepEqual(
      [span.attributes['n'], span.attributes['d'], span.attributes['none']],
      ['9007199254740993', 'Infinity', null],
    );
    assert.equal(Object.entries(span.attributes).find(([name]) => name === '__proto__')?.[1], 'kept');
  });

  it('is refused whole when nothing of it can be read', () => {
    using store = openTestStore({ maxBytes: 10_000 });
    const take = (body: Uint8Array, format: 'json' | 'protobuf', encoding = 'identity') =>
      store.engine.take({ signal: 'traces', format, encoding, body });
    assert.equal(take(Buffer.from('{"resourceSpans": ['), 'json').kind, 'malformed');
    assert.equal(take(Buffer.from([10, 200, 1, 3]), 'protobuf').kind, 'malformed');
    assert.equal(take(Buffer.from('no gzip'), 'json', 'gzip').kind, 'malformed');
    assert.equal(take(gzipSync(Buffer.alloc(50_000, ' ')), 'json', 'gzip').kind, 'too-large');
    for (const empty of [Buffer.alloc(0), Buffer.from('{}')])
      assert.deepEqual(take(empty, empty.length === 0 ? 'protobuf' : 'json'), {
        kind: 'kept',
        kept: 0,
        rejected: 0,
        reason: '',
      });
  });

  it('keeps nanoseconds exactly, beyond what a number holds', () => {
    using store = openTestStore();
    const startNs = 2n ** 53n + 1n;
    const [first] = (
      tracesOf('shop', [{ traceId: TRACE, spanId: hex(1, 8) }]) as {
        resourceSpans: { scopeSpans: { spans: object[] }[] }[];
      }
    ).resourceSpans;
    Object.assign(first?.scopeSpans[0]?.spans[0] ?? {}, {
      startTimeUnixNano: String(startNs),
      endTimeUnixNano: String(startNs + 1_000n),
    });
    store.json('traces', { resourceSpans: [first] });
    const trace = store.reader.traces.find(TRACE);
    assert.equal(trace?.startNs, String(startNs));
    assert.deepEqual([trace?.details[0]?.offsetUs, trace?.details[0]?.durationUs], [0, 1]);
  });
});
