import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPlatformError } from '@flotilla/kernel';
import * as s from '@flotilla/kernel/schema';
import { eventually } from '@flotilla/kernel/testing';
import { currentContext, newTrace, remainingMs, runInContext } from '@flotilla/telemetry';
import { connect, readProblem, startHost } from '../../test/fixture.ts';
import { defineRoute, handle, ok } from '../index.ts';

const facts = s.object({
  traceId: s.string(),
  remainingMs: s.integer(),
  correlationId: s.optional(s.string()),
});
const inspect = defineRoute({
  method: 'GET',
  path: '/inspect',
  summary: 'What the handler knows',
  access: 'public',
  responses: { 200: facts },
});
const relay = defineRoute({ ...inspect, path: '/relay' });

const inspecting = handle(inspect, async () => {
  const context = currentContext();
  return ok({
    traceId: context?.trace.traceId ?? '',
    remainingMs: Math.floor(remainingMs() ?? -1),
    ...(context?.correlationId !== undefined && { correlationId: context.correlationId }),
  });
});

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

test("the caller's trace goes on in the handler and comes back in the answer", async (t) => {
  const { url } = await startHost(t, { handlers: [inspecting] });
  const response = await fetch(`${url}/inspect`, { headers: { traceparent: TRACEPARENT } });
  const body = (await response.json()) as { traceId: string };
  assert.equal(body.traceId, '0af7651916cd43dd8448eb211c80319c');
  assert.equal(response.headers.get('x-request-id'), '0af7651916cd43dd8448eb211c80319c');
});

test('an invalid trace header starts a new trace', async (t) => {
  const { url } = await startHost(t, { handlers: [inspecting] });
  const response = await fetch(`${url}/inspect`, { headers: { traceparent: '00-zero-zero-01' } });
  assert.match(((await response.json()) as { traceId: string }).traceId, /^[0-9a-f]{32}$/);
});

test('a caller can shorten the deadline but not lengthen it', async (t) => {
  const { url } = await startHost(t, { handlers: [inspecting], requestTimeoutMs: 60_000 });
  const remaining = async (header: string) => {
    const response = await fetch(`${url}/inspect`, { headers: { 'x-request-deadline': header } });
    return ((await response.json()) as { remainingMs: number }).remainingMs;
  };
  const shortened = await remaining('30000');
  assert.ok(shortened > 0 && shortened <= 30_000, `${shortened} ms`);
  for (const header of ['90000', '-1', 'soon', '1e3']) {
    const kept = await remaining(header);
    assert.ok(kept > 30_000 && kept <= 60_000, `${header}: ${kept} ms`);
  }
});

test('a request whose deadline has passed is answered 504 without running', async (t) => {
  let ran = false;
  const handler = handle(inspect, async () => {
    ran = true;
    return ok({ traceId: '', remainingMs: 0 });
  });
  const { url } = await startHost(t, { handlers: [handler] });
  const response = await fetch(`${url}/inspect`, { headers: { 'x-request-deadline': '0' } });
  assert.equal(response.status, 504);
  assert.equal((await readProblem(response)).code, 'deadline-exceeded');
  assert.equal(ran, false);
});

test('at the deadline the answer is 504 and the signal aborts, even when the handler does not stop', async (t) => {
  let signal: AbortSignal | undefined;
  const handler = handle(inspect, (request) => {
    signal = request.signal;
    return new Promise(() => undefined);
  });
  const { url } = await startHost(t, { handlers: [handler], requestTimeoutMs: 50 });
  // On a busy machine the time may be over before the handler runs.
  await eventually('it has run', async () => {
    assert.equal((await fetch(`${url}/inspect`)).status, 504);
    return signal;
  });
  assert.equal(signal?.aborted, true);
  assert.ok(isPlatformError(signal?.reason) && signal.reason.code === 'HTTP_DEADLINE_EXCEEDED');
});

test('the signal aborts when the client disconnects', async (t) => {
  const signals: AbortSignal[] = [];
  const handler = handle(inspect, (request) => {
    signals.push(request.signal);
    return new Promise((_, reject) =>
      request.signal.addEventListener('abort', () => reject(request.signal.reason)),
    );
  });
  const { url, metrics } = await startHost(t, { handlers: [handler] });
  const leaving = new AbortController();
  const left = fetch(`${url}/inspect`, { signal: leaving.signal });
  await eventually('the handler runs', () => signals.length === 1);
  leaving.abort();
  await assert.rejects(left);
  await eventually('the signal aborts', () => signals[0]?.aborted);
  await eventually('the request is counted as abandoned', () =>
    /http_route="\/inspect",http_response_status_code="499"\} 1/.test(metrics.render()),
  );
});

test('trace, deadline and the time already spent travel from service to service', async (t) => {
  const patient = { requestTimeoutMs: 60_000 };
  const last = await startHost(t, { handlers: [inspecting], ...patient });
  const client = connect(t, [last.port], { timeoutMs: 60_000 });
  const relaying = handle(relay, async ({ signal }) => {
    await new Promise((resolve) => setTimeout(resolve, 60));
    return ok((await client.call(inspect, {}, { signal })).body);
  });
  const first = await startHost(t, { handlers: [relaying], ...patient });
  const outer = connect(t, [first.port], { timeoutMs: 60_000 });
  const trace = newTrace();
  const { body, headers } = await runInContext({ trace, deadlineAt: performance.now() + 30_000 }, () =>
    outer.call(relay, {}),
  );
  assert.equal(body.traceId, trace.traceId);
  assert.equal(headers['x-request-id'], trace.traceId);
  assert.ok(body.remainingMs > 0 && body.remainingMs <= 29_940, `${body.remainingMs} ms`);
});

test('the correlation id travels too, unless it is not one', async (t) => {
  const last = await startHost(t, { handlers: [inspecting] });
  const client = connect(t, [last.port]);
  const { body } = await runInContext({ trace: newTrace(), correlationId: 'order-1' }, () =>
    client.call(inspect, {}),
  );
  assert.equal(body.correlationId, 'order-1');
  const odd = await fetch(`${last.url}/inspect`, { headers: { 'x-correlation-id': 'a b<script>' } });
  assert.equal(((await odd.json()) as { correlationId?: string }).correlationId, undefined);
});
