import assert from 'node:assert/strict';
import { test } from 'node:test';
import { childOf, formatTraceparent, newTrace, parseTraceparent } from './trace-context.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

test('reads what it writes', () => {
  const trace = newTrace();
  assert.deepEqual(parseTraceparent(formatTraceparent(trace)), trace);
  const unsampled = { ...trace, sampled: false };
  assert.deepEqual(parseTraceparent(formatTraceparent(unsampled)), unsampled);
});

test('reads the sampled bit among other flags', () => {
  assert.deepEqual(parseTraceparent(`00-${TRACE}-${SPAN}-03`), {
    traceId: TRACE,
    spanId: SPAN,
    sampled: true,
  });
  assert.equal(parseTraceparent(`00-${TRACE}-${SPAN}-02`)?.sampled, false);
});

test('accepts later versions and ignores what they add', () => {
  for (const header of [`cc-${TRACE}-${SPAN}-01`, `01-${TRACE}-${SPAN}-01-what-the-future-holds`]) {
    assert.deepEqual(parseTraceparent(header), { traceId: TRACE, spanId: SPAN, sampled: true });
  }
});

test('passes on none of the flags it does not know', () => {
  const trace = parseTraceparent(`01-${TRACE}-${SPAN}-11`);
  assert.equal(trace && formatTraceparent(trace), `00-${TRACE}-${SPAN}-01`);
});

const invalid: Readonly<Record<string, string | undefined>> = {
  'no header': undefined,
  'an empty header': '',
  'version ff': `ff-${TRACE}-${SPAN}-01`,
  'an all-zero trace id': `00-${'0'.repeat(32)}-${SPAN}-01`,
  'an all-zero span id': `00-${TRACE}-${'0'.repeat(16)}-01`,
  'upper-case hex': `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  'a short trace id': `00-${TRACE.slice(1)}-${SPAN}-01`,
  'a long span id': `00-${TRACE}-${SPAN}0-01`,
  'version 00 with more parts': `00-${TRACE}-${SPAN}-01-more`,
  'a later version whose addition is not set off': `01-${TRACE}-${SPAN}-01x`,
  'two headers joined': `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
};
for (const [what, header] of Object.entries(invalid)) {
  test(`starts anew for ${what}`, () => assert.equal(parseTraceparent(header), undefined));
}

test('a child stays in its trace under an id of its own', () => {
  const parent = { traceId: TRACE, spanId: SPAN, sampled: false };
  const child = childOf(parent);
  assert.equal(child.traceId, TRACE);
  assert.notEqual(child.spanId, SPAN);
  assert.match(child.spanId, /^[0-9a-f]{16}$/);
  assert.equal(child.sampled, false);
});

test('ids do not repeat when the pool of random bytes is refilled', () => {
  const ids = new Set(Array.from({ length: 5_000 }, () => newTrace().traceId));
  assert.equal(ids.size, 5_000);
});
