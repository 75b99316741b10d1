import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlatformError } from '@flotilla/kernel';
import { currentContext, runInContext } from '../context.ts';
import { type Span, withSpan } from './span.ts';
import { newTrace } from './trace-context.ts';

test('work runs as a child and its span is recorded with parent and duration', async () => {
  const spans: Span[] = [];
  const trace = newTrace();
  const seen = await runInContext({ trace, correlationId: 'c', recordSpan: (span) => spans.push(span) }, () =>
    withSpan('charge', { provider: 'test' }, () => currentContext()),
  );
  assert.equal(seen?.trace.traceId, trace.traceId);
  assert.notEqual(seen?.trace.spanId, trace.spanId);
  assert.equal(seen?.correlationId, 'c');
  const [span] = spans;
  assert.equal(span?.name, 'charge');
  assert.equal(span?.parentSpanId, trace.spanId);
  assert.deepEqual(span?.trace, seen?.trace);
  assert.ok((span?.durationMs ?? -1) >= 0);
  assert.equal(span?.error, undefined);
});

test('an error passes through and names the span', async () => {
  const spans: Span[] = [];
  const failure = new PlatformError('PAYMENT_DOWN', 'x');
  await assert.rejects(
    runInContext({ trace: newTrace(), recordSpan: (span) => spans.push(span) }, () =>
      withSpan('charge', {}, () => Promise.reject(failure)),
    ),
    failure,
  );
  assert.equal(spans[0]?.error, 'PAYMENT_DOWN');
});

test('without a context a new trace begins', async () => {
  const seen = await withSpan('alone', {}, async () => currentContext());
  assert.match(seen?.trace.traceId ?? '', /^[0-9a-f]{32}$/);
});
