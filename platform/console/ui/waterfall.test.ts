import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Span } from './shapes.ts';
import { matches, rowsOf, visibleRows } from './waterfall.ts';

function span(spanId: string, parentId: string | null, more: Partial<Span> = {}): Span {
  return {
    ...{
      spanId,
      parentId,
      service: 'order',
      name: `work ${spanId}`,
      kind: 1,
      offsetUs: 0,
      durationUs: 10,
      status: 0,
    },
    ...{ instance: 'order-1', version: '1', scope: 'test' },
    ...{ statusMessage: null, attributes: {}, events: [], links: [], ...more },
  };
}

const shape = (spans: readonly Span[]) => rowsOf(spans).map((row) => [row.span.spanId, row.depth, row.below]);

describe('the waterfall of a trace', () => {
  it('has each span below its parent, whatever came first', () => {
    assert.deepEqual(shape([span('c', 'b'), span('a', null), span('b', 'a'), span('d', 'a')]), [
      ['a', 0, 3],
      ['b', 1, 1],
      ['c', 2, 0],
      ['d', 1, 0],
    ]);
  });

  it('marks what has lost its parent, and shows it', () => {
    const [root, orphan] = rowsOf([span('a', null), span('b', 'gone')]);
    assert.deepEqual([root?.isOrphan, orphan?.isOrphan, orphan?.depth], [false, true, 0]);
  });

  it('shows every span once, also where parents run in a circle', () => {
    const rows = rowsOf([span('a', 'b'), span('b', 'a'), span('c', 'c'), span('d', null)]);
    assert.deepEqual(rows.map((row) => row.span.spanId).sort(), ['a', 'b', 'c', 'd']);
  });

  it('moves what seems to begin before it was called into the call, with all below it', () => {
    const rows = rowsOf([
      span('call', null, { kind: 3, offsetUs: 1_000, durationUs: 100 }),
      span('served', 'call', { kind: 2, offsetUs: 500, durationUs: 50 }),
      span('inside', 'served', { offsetUs: 510, durationUs: 10 }),
    ]);
    assert.deepEqual(
      rows.map((row) => row.span.offsetUs + row.shiftUs),
      [1_000, 1_025, 1_035],
    );
  });

  it('hides what is below a collapsed one', () => {
    const rows = rowsOf([span('a', null), span('b', 'a'), span('c', 'b'), span('d', 'a')]);
    assert.deepEqual(
      visibleRows(rows, new Set(['b'])).map((row) => row.span.spanId),
      ['a', 'b', 'd'],
    );
  });

  it('opens 80,000 spans, also one below the other', () => {
    const flat = Array.from({ length: 80_000 }, (_, index) =>
      span(`s${index}`, index === 0 ? null : `s${Math.floor((index - 1) / 8)}`),
    );
    assert.equal(rowsOf(flat).length, 80_000);
    const deep = Array.from({ length: 5_000 }, (_, index) =>
      span(`s${index}`, index === 0 ? null : `s${index - 1}`),
    );
    assert.equal(rowsOf(deep).at(-1)?.depth, 4_999);
  });

  it('finds spans by name, service and attribute', () => {
    const one = span('a', null, { attributes: { 'http.route': '/orders' } });
    assert.deepEqual(
      ['WORK a', 'order', 'http.route=/ord', 'nothing'].map((words) => matches(one, words)),
      [true, true, true, false],
    );
  });

  it('finds spans by how long they took, also with words', () => {
    const one = span('a', null, { durationUs: 60_000 });
    assert.deepEqual(
      ['>50ms', '<50ms', '>0.05s <70ms', 'work >50ms', 'nothing >50ms', '>60000us'].map((words) =>
        matches(one, words),
      ),
      [true, false, true, true, false, false],
    );
  });
});
