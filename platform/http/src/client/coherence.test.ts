import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { isPlatformError } from '@flotilla/kernel';
import * as s from '@flotilla/kernel/schema';
import { eventually } from '@flotilla/kernel/testing';
import { createEdges, createFaults, parseFault } from '@flotilla/resilience';
import { createMetrics, currentContext, newTrace, runInContext, silentLogger } from '@flotilla/telemetry';
import { connect, startHost } from '../../test/fixture.ts';
import { defineRoute, type HttpClient, type HttpClientOptions, handle, ok } from '../index.ts';

const get = defineRoute({
  method: 'GET',
  path: '/things',
  summary: 'x',
  access: 'public',
  responses: { 200: s.object({}) },
});
const post = defineRoute({ ...get, method: 'POST' });

/** A server that answers as it is told, and counts. */
async function startServer(t: TestContext, listener: RequestListener) {
  const seen: Parameters<RequestListener>[0][] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, seen };
}

const answer =
  (status: number, headers: Record<string, string> = {}): RequestListener =>
  (_request, response) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end('{}');

const code = (expected: string) => (error: unknown) => isPlatformError(error) && error.code === expected;

/** A host whose only work is to call the next one. */
async function startHop(t: TestContext, service: string, next: HttpClient) {
  return await startHost(t, {
    service,
    handlers: [
      handle(get, async ({ signal }) => {
        await next.call(get, {}, { signal });
        return ok({});
      }),
    ],
  });
}

const quick: Partial<HttpClientOptions> = { policy: { random: () => 0, breaker: false } };

test('with a dead service at the bottom of three hops it sees hardly more than the requests of the users', async (t) => {
  const bottom = await startServer(t, answer(500));
  const second = await startHop(t, 'second', connect(t, [bottom.port], quick));
  const first = await startHop(t, 'first', connect(t, [second.port], quick));
  const user = connect(t, [first.port], quick);
  for (let batch = 0; batch < 10; batch += 1)
    await Promise.allSettled(Array.from({ length: 20 }, () => user.call(get, {})));
  // A tenth, and three a second for as long as this takes on a busy machine.
  assert.ok(bottom.seen.length > 200, 'nothing was repeated');
  assert.ok(bottom.seen.length <= 200 * 1.1 + 60, `${bottom.seen.length} for 200`);
  assert.ok(bottom.seen.some(({ headers }) => headers['x-flotilla-retry-attempt'] !== undefined));
});

test('a service that gave up says that the repetition was its own affair, and nobody above repeats', async (t) => {
  const bottom = await startServer(t, answer(500));
  const second = await startHop(t, 'second', connect(t, [bottom.port], quick));
  const reply = await fetch(`${second.url}/things`);
  assert.equal(reply.status, 503);
  assert.equal(reply.headers.get('x-flotilla-retry-owner'), 'second');
  const before = bottom.seen.length;
  const user = connect(t, [second.port], { policy: { random: () => 0, retry: { budgetPercent: 100 } } });
  await assert.rejects(user.call(get, {}), code('HTTP_UNAVAILABLE'));
  assert.ok(bottom.seen.length - before <= 3);
});

test('a request that is a repetition is repeated by nobody below, and hands the mark on', async (t) => {
  const bottom = await startServer(t, answer(500));
  const client = connect(t, [bottom.port], quick);
  await runInContext({ trace: newTrace(), retryAttempt: 2 }, () =>
    assert.rejects(client.call(get, {}), code('HTTP_UNEXPECTED_STATUS')),
  );
  assert.equal(bottom.seen.length, 1);
  assert.equal(bottom.seen[0]?.headers['x-flotilla-retry-attempt'], '2');
});

test('the deadline of each hop is what is left of the one before', async (t) => {
  const left: number[] = [];
  const bottom = await startHost(t, {
    handlers: [
      handle(get, async () => {
        left.push((currentContext()?.deadlineAt ?? 0) - performance.now());
        return ok({});
      }),
    ],
  });
  const second = await startHop(t, 'second', connect(t, [bottom.port], { timeoutMs: 60_000 }));
  const user = connect(t, [second.port], { timeoutMs: 20_000 });
  await user.call(get, {});
  assert.ok((left[0] ?? 0) > 1_000 && (left[0] ?? 0) < 20_000, `${left[0]}`);
});

test('a request whose time was over before it came is refused for that, and not held against anybody', async (t) => {
  const { url } = await startHost(t, { handlers: [handle(get, async () => ok({}))] });
  const late = await fetch(`${url}/things`, { headers: { 'x-request-deadline': '0' } });
  assert.equal(late.status, 504);
  assert.equal(late.headers.get('x-flotilla-refused'), 'deadline');
});

test('what is refused for overload is not repeated', async (t) => {
  const server = await startServer(t, answer(503, { 'x-flotilla-refused': 'overload', 'retry-after': '0' }));
  const client = connect(t, [server.port], quick);
  await assert.rejects(client.call(get, {}), code('HTTP_UNAVAILABLE'));
  assert.equal(server.seen.length, 1);
});

test('an open circuit is told to those above, who do not repeat and open none of their own', async (t) => {
  const bottom = await startServer(t, answer(500));
  const next = connect(t, [bottom.port], {
    policy: { breaker: { consecutiveFailures: 1, openMs: 600_000 }, retry: false },
  });
  const second = await startHop(t, 'second', next);
  assert.equal((await fetch(`${second.url}/things`)).headers.get('x-flotilla-retry-owner'), 'second');
  const refused = await fetch(`${second.url}/things`);
  assert.deepEqual([refused.status, refused.headers.get('x-flotilla-refused')], [503, 'circuit']);
  const user = connect(t, [second.port], { policy: { breaker: { consecutiveFailures: 1 } } });
  for (let call = 0; call < 3; call += 1) await assert.rejects(user.call(get, {}), code('HTTP_UNAVAILABLE'));
  assert.equal(bottom.seen.length, 1);
});

test('an instance that drains is served out and gets nothing more', async (t) => {
  const one = await startHost(t, { handlers: [handle(get, async () => ok({}))] });
  const other = await startServer(t, answer(200));
  const client = connect(t, [one.port, other.port]);
  one.host.startDraining();
  for (let call = 0; call < 6; call += 1) await client.call(get, {});
  assert.ok(other.seen.length >= 5);
});

test('a read that takes longer than reads do is asked of another instance as well', async (t) => {
  const held: (() => void)[] = [];
  let isSlow = false;
  const listener: RequestListener = (request, response) => {
    if (!isSlow) answer(200)(request, response);
    else {
      isSlow = false; // the next one is quick again
      held.push(() => answer(200)(request, response));
    }
  };
  const servers = [await startServer(t, listener), await startServer(t, listener)];
  const client = connect(
    t,
    servers.map(({ port }) => port),
    { timeoutMs: 60_000 },
  );
  for (let call = 0; call < 120; call += 1) await client.call(get, {});
  isSlow = true;
  await client.call(get, {});
  assert.equal(held.length, 1, 'the first one still waits');
  const write = connect(t, [servers[0]?.port ?? 0, servers[1]?.port ?? 0], { timeoutMs: 60_000 });
  for (let call = 0; call < 120; call += 1) await write.call(post, {});
  isSlow = true;
  const sent = servers.reduce((sum, { seen }) => sum + seen.length, 0);
  const slow = write.call(post, {});
  await eventually('it has arrived', () => held.length === 2);
  held[1]?.();
  await slow;
  assert.equal(
    servers.reduce((sum, { seen }) => sum + seen.length, 0),
    sent + 1,
  );
});

test('injected faults are met like real ones, counted apart, and marked in the trace', async (t) => {
  const server = await startServer(t, answer(200));
  const metrics = createMetrics();
  const faults = createFaults({ isAllowed: true });
  const edges = createEdges({ caller: 'order', logger: silentLogger, metrics, faults });
  const client = connect(t, [server.port], { metrics, edges, timeoutMs: 60_000, policy: { retry: false } });
  const spans: string[] = [];
  const call = () =>
    runInContext({ trace: newTrace(), recordSpan: ({ name }) => spans.push(name) }, () =>
      client.call(get, {}),
    );
  faults.set([parseFault('order→sample', ['outcome=503:100%'])]);
  await assert.rejects(call(), code('HTTP_UNAVAILABLE'));
  assert.equal(server.seen.length, 0);
  faults.set([parseFault('order→sample', ['kill=100%'])]);
  await assert.rejects(call(), code('HTTP_UNAVAILABLE'));
  assert.equal(server.seen.length, 1);
  faults.set([]);
  await call();
  assert.equal(spans.filter((name) => name === 'injected fault').length, 2);
  assert.match(metrics.render(), /resilience_faults_injected_total\{edge="order→sample",kind="kill"\} 1/);
});
