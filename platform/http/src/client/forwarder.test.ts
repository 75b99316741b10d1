import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { isPlatformError } from '@flotilla/kernel';
import { createMetrics, newTrace, runInContext, silentLogger } from '@flotilla/telemetry';
import { createForwarder, type ForwardedRequest } from './forwarder.ts';

/** A service that answers as it is told, one after the other, and a forwarder before it. */
async function startRig(t: TestContext, answers: readonly RequestListener[]) {
  const seen: Parameters<RequestListener>[0][] = [];
  const server = createServer((request, response) => {
    const answer = answers[Math.min(seen.length, answers.length - 1)];
    seen.push(request);
    answer?.(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const metrics = createMetrics();
  const forwarder = createForwarder({
    ...{ service: 'order', logger: silentLogger, metrics, timeoutMs: 20_000 },
    pick: async (service) => ({ id: 'order-1', service, host: '127.0.0.1', port }),
  });
  t.after(async () => {
    await forwarder.close();
    server.close();
    server.closeAllConnections();
  });
  const forward = async (method: ForwardedRequest['method'], signal = new AbortController().signal) => {
    const request = { method, path: '/orders?limit=1', route: '/orders', headers: { accept: 'x/y' } };
    const { status, body } = await forwarder.forward(request, signal);
    return { status, body: await text(body) };
  };
  return { forward, seen, metrics };
}

const answer =
  (status: number, headers: Record<string, string> = {}): RequestListener =>
  (_request, response) =>
    response.writeHead(status, headers).end(`answer ${status}`);

test('what only reads is asked again, marked as a repetition, in the trace and with what is left of the time', async (t) => {
  const { forward, seen, metrics } = await startRig(t, [answer(500), answer(200)]);
  const trace = newTrace();
  const context = { trace, correlationId: 'c-1', priority: 'sheddable' } as const;
  assert.deepEqual(await runInContext(context, () => forward('GET')), { status: 200, body: 'answer 200' });
  const [first, second] = seen.map(({ headers }) => headers);
  assert.equal(first?.['x-flotilla-retry-attempt'], undefined);
  assert.equal(second?.['x-flotilla-retry-attempt'], '1');
  for (const headers of [first, second]) {
    assert.equal(headers?.accept, 'x/y');
    assert.equal(headers['x-correlation-id'], 'c-1');
    assert.equal(headers['x-flotilla-priority'], 'sheddable');
    assert.ok(String(headers['traceparent']).includes(trace.traceId));
    assert.ok(Number(headers['x-request-deadline']) <= 20_000);
  }
  assert.match(
    metrics.render(),
    /http_client_request_duration_seconds_count\{server_service="order",http_request_method="GET",http_route="\/orders",http_response_status_code="200",error_type=""\} 1/,
  );
});

test('what may have an effect is sent once, and what the service says of its fault is handed on', async (t) => {
  const { forward, seen } = await startRig(t, [answer(500)]);
  assert.deepEqual(await forward('POST'), { status: 500, body: 'answer 500' });
  assert.equal(seen.length, 1);
});

for (const [what, headers] of [
  ['refused for overload', { 'x-flotilla-refused': 'overload' }],
  ['somebody further down has had the say about', { 'x-flotilla-retry-owner': 'payment' }],
] as const)
  test(`what was ${what} is not repeated`, async (t) => {
    const { forward, seen } = await startRig(t, [answer(503, headers), answer(200)]);
    assert.deepEqual(await forward('GET'), { status: 503, body: 'answer 503' });
    assert.equal(seen.length, 1);
  });

test('a request that is a repetition itself is repeated by nobody', async (t) => {
  const { forward, seen } = await startRig(t, [answer(500), answer(200)]);
  await runInContext({ trace: newTrace(), retryAttempt: 1 }, () => forward('GET'));
  assert.deepEqual(
    seen.map(({ headers }) => headers['x-flotilla-retry-attempt']),
    ['1'],
  );
});

test('a caller that has gone ends the wait', async (t) => {
  const caller = new AbortController();
  const { forward } = await startRig(t, [() => caller.abort()]);
  await assert.rejects(
    forward('GET', caller.signal),
    (error) => isPlatformError(error) && error.code === 'HTTP_ABORTED',
  );
});
