import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { authenticated } from '@flotilla/auth';
import { isPlatformError, type PlatformError } from '@flotilla/kernel';
import * as s from '@flotilla/kernel/schema';
import { eventually } from '@flotilla/kernel/testing';
import { createVirtualTimers } from '@flotilla/resilience/testing';
import { connect, issuer, startHost } from '../../test/fixture.ts';
import { created, defineRoute, handle, noContent, ok, problem, unexpectedStatus } from '../index.ts';

const item = s.object({ id: s.string(), n: s.integer() });
const get = defineRoute({
  method: 'GET',
  path: '/items/:id',
  summary: 'x',
  access: 'public',
  params: s.object({ id: s.string() }),
  query: s.object({ n: s.optional(s.integer()), tag: s.optional(s.array(s.string())) }),
  headers: s.object({ 'x-note': s.optional(s.string()) }),
  responses: {
    200: s.object({ ...{ id: s.string(), n: s.integer() }, tags: s.array(s.string()), note: s.string() }),
    204: null,
  },
});
const post = defineRoute({
  method: 'POST',
  path: '/items',
  summary: 'x',
  access: 'public',
  body: item,
  responses: { 201: item },
});
const mine = defineRoute({
  method: 'GET',
  path: '/mine',
  summary: 'x',
  access: authenticated,
  responses: { 200: s.object({ subject: s.string() }) },
});

/** A server that answers as it is told, without any of our host. */
async function startServer(t: TestContext, listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** A port that nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const code = (expected: string, retryable: boolean) => (error: unknown) =>
  isPlatformError(error) && error.code === expected && error.retryable === retryable;

const answer =
  (status: number, body = '{}', headers: Record<string, string> = {}): RequestListener =>
  (_request, response) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);

test('parameters, query, headers and bodies arrive as they were given', async (t) => {
  const { port } = await startHost(t, {
    handlers: [
      handle(get, async ({ params, query, headers }) =>
        params.id === 'none'
          ? noContent()
          : ok({ id: params.id, n: query.n ?? 0, tags: query.tag ?? [], note: headers['x-note'] ?? '' }),
      ),
      handle(post, async ({ body }) => created(body, { location: '/items/1' })),
    ],
  });
  const client = connect(t, [port]);
  const odd = 'a/b?c=d&e#f g%2F..ü';
  const found = await client.call(get, {
    params: { id: odd },
    query: { n: 3, tag: ['x&y', 'z'] },
    headers: { 'x-note': 'hello' },
  });
  assert.equal(found.status, 200);
  assert.deepEqual(found.body, { id: odd, n: 3, tags: ['x&y', 'z'], note: 'hello' });
  const empty = await client.call(get, { params: { id: 'none' } });
  assert.deepEqual([empty.status, empty.body], [204, undefined]);
  const made = await client.call(post, { body: { id: 'ü', n: 1 } });
  assert.deepEqual(made.body, { id: 'ü', n: 1 });
  assert.equal(made.headers['location'], '/items/1');
});

test('a missing path parameter is a defect of the caller', async (t) => {
  const client = connect(t, [await startServer(t, answer(200))]);
  await assert.rejects(client.call(get, { params: { id: '' } }), TypeError);
});

test('a refused connection leads to another instance, also for a POST', async (t) => {
  let served = 0;
  const port = await startServer(t, (request, response) => {
    served += 1;
    answer(201, '{"id":"a","n":1}')(request, response);
  });
  const client = connect(t, [await closedPort(), await closedPort(), port]);
  for (let call = 0; call < 3; call += 1) await client.call(post, { body: { id: 'a', n: 1 } });
  assert.equal(served, 3);
});

test('when no instance can be reached the error is retryable and says that nothing was sent', async (t) => {
  const client = connect(t, [await closedPort()], { timeoutMs: 60_000 });
  await assert.rejects(client.call(post, { body: { id: 'a', n: 1 } }), (error) => {
    assert.ok(code('HTTP_UNAVAILABLE', true)(error));
    assert.equal((error as PlatformError).details['sent'], false);
    return true;
  });
});

test('a service without instances is reported by its discovery error', async (t) => {
  const client = connect(t, [], { timeoutMs: 60_000 });
  await assert.rejects(client.call(post, { body: { id: 'a', n: 1 } }), code('DISCOVERY_NO_ENDPOINT', true));
});

test('a connection that breaks after sending is repeated for GET and idempotent calls only', async (t) => {
  const calls = { GET: 0, POST: 0 };
  const port = await startServer(t, (request) => {
    calls[request.method as 'GET' | 'POST'] += 1;
    request.socket.destroy();
  });
  const client = connect(t, [port], { policy: { random: () => 0, retry: { budgetPercent: 100 } } });
  const body = { id: 'a', n: 1 };
  await assert.rejects(client.call(post, { body }), code('HTTP_UNAVAILABLE', true));
  assert.equal(calls.POST, 1);
  await assert.rejects(client.call(get, { params: { id: 'a' } }), code('HTTP_UNAVAILABLE', true));
  assert.equal(calls.GET, 3);
  await assert.rejects(client.call(post, { body }, { idempotent: true }), code('HTTP_UNAVAILABLE', true));
  assert.equal(calls.POST, 4);
  await assert.rejects(client.call({ ...post, idempotent: true }, { body }), code('HTTP_UNAVAILABLE', true));
  assert.equal(calls.POST, 7);
});

test('a failed answer of one instance is repeated at another', async (t) => {
  const sick = await startServer(t, answer(500));
  const well = await startServer(t, answer(201, '{"id":"a","n":1}'));
  const client = connect(t, [sick, well], { policy: { random: () => 0, retry: { budgetPercent: 100 } } });
  for (let call = 0; call < 4; call += 1) {
    const reply = await client.call(post, { body: { id: 'a', n: 1 } }, { idempotent: true });
    assert.equal(reply.status, 201);
  }
});

test('503 is waited out as the service asks, within the deadline', async (t) => {
  let calls = 0;
  const port = await startServer(t, (request, response) => {
    calls += 1;
    const reply = calls === 1 ? answer(503, '{}', { 'retry-after': '300' }) : answer(204);
    reply(request, response);
  });
  const timers = createVirtualTimers();
  const client = connect(t, [port], { policy: { timers } });
  const reply = client.call(get, { params: { id: 'a' } }, { timeoutMs: 600_000 });
  await eventually('the first attempt has failed', () => calls === 1 && timers.pending === 2);
  await timers.advance(299_999);
  assert.equal(calls, 1);
  await timers.advance(100);
  assert.equal((await reply).status, 204);
  calls = 0;
  const short = client.call(get, { params: { id: 'a' } }, { timeoutMs: 60_000 });
  await assert.rejects(short, (error) => {
    assert.ok(code('HTTP_UNAVAILABLE', true)(error));
    assert.equal((error as PlatformError).details['retryAfterMs'], 300_000);
    return true;
  });
  assert.equal(calls, 1);
});

test('an undeclared status is thrown with the problem it carries', async (t) => {
  const { port } = await startHost(t, {
    handlers: [handle(post, async () => problem(422, 'out-of-stock', 'None left.', { sku: 'x' }))],
  });
  const client = connect(t, [port]);
  await assert.rejects(client.call(post, { body: { id: 'a', n: 1 } }), (error) => {
    assert.ok(code('HTTP_UNEXPECTED_STATUS', false)(error));
    assert.deepEqual(unexpectedStatus(error), { status: 422, code: 'out-of-stock', detail: 'None left.' });
    return true;
  });
  assert.equal(unexpectedStatus(new Error('other')), undefined);
});

const statuses: readonly (readonly [number, string, boolean])[] = [
  [400, 'HTTP_UNEXPECTED_STATUS', false],
  [404, 'HTTP_UNEXPECTED_STATUS', false],
  [429, 'HTTP_UNAVAILABLE', true],
  [500, 'HTTP_UNEXPECTED_STATUS', true],
  [503, 'HTTP_UNAVAILABLE', true],
  [504, 'HTTP_TIMEOUT', true],
];
for (const [status, expected, retryable] of statuses) {
  test(`${status} is ${expected}, ${retryable ? '' : 'not '}retryable`, async (t) => {
    const client = connect(t, [await startServer(t, answer(status))]);
    await assert.rejects(client.call(post, { body: { id: 'a', n: 1 } }), code(expected, retryable));
  });
}

test('what is not JSON, or too large, is a bad response', async (t) => {
  const bodies = ['{"id":', `"${'x'.repeat(1_100_000)}"`];
  for (const body of bodies) {
    const client = connect(t, [await startServer(t, answer(200, body))]);
    await assert.rejects(client.call(get, { params: { id: 'a' } }), code('HTTP_BAD_RESPONSE', false));
  }
  const html = connect(t, [await startServer(t, answer(200, '{}', { 'content-type': 'text/html' }))]);
  await assert.rejects(html.call(get, { params: { id: 'a' } }), code('HTTP_BAD_RESPONSE', false));
});

test('a service that does not answer ends in a timeout, at the shorter of both limits', async (t) => {
  const client = connect(t, [await startServer(t, () => undefined)], { timeoutMs: 60_000 });
  const start = performance.now();
  const call = client.call(get, { params: { id: 'a' } }, { timeoutMs: 60 });
  await assert.rejects(call, code('HTTP_TIMEOUT', true));
  assert.ok(performance.now() - start < 30_000);
});

test('a service that accepts connections but never speaks ends in a timeout', async (t) => {
  const sockets: Socket[] = [];
  const server = createTcpServer((socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const client = connect(t, [(server.address() as AddressInfo).port]);
  const call = client.call(get, { params: { id: 'a' } }, { timeoutMs: 60 });
  await assert.rejects(call, code('HTTP_TIMEOUT', true));
});

test('the deadline also bounds finding an instance and a token', async (t) => {
  const forever = () => new Promise<never>(() => undefined);
  const lost = connect(t, [], { pick: forever, timeoutMs: 30 });
  await assert.rejects(lost.call(get, { params: { id: 'a' } }), code('HTTP_TIMEOUT', true));
  const tokenless = connect(t, [await closedPort()], { token: forever, timeoutMs: 30 });
  await assert.rejects(tokenless.call(mine, {}), code('HTTP_TIMEOUT', true));
});

test("the caller's signal ends the call, also before it began", async (t) => {
  let calls = 0;
  const port = await startServer(t, () => {
    calls += 1;
    controller.abort(new Error('enough'));
  });
  const client = connect(t, [port]);
  const controller = new AbortController();
  const call = client.call(get, { params: { id: 'a' } }, { signal: controller.signal });
  await assert.rejects(call, code('HTTP_ABORTED', false));
  const again = client.call(get, { params: { id: 'a' } }, { signal: controller.signal });
  await assert.rejects(again, code('HTTP_ABORTED', false));
  assert.equal(calls, 1);
});

test("guarded routes get the call's token, else the client's; public ones get none", async (t) => {
  const seen: (string | undefined)[] = [];
  const port = await startServer(t, (request, response) => {
    seen.push(request.headers.authorization);
    answer(200, '{"subject":"x"}')(request, response);
  });
  const client = connect(t, [port], { token: async () => 'of-client' });
  await client.call(mine, {});
  await client.call(mine, { token: 'of-call' });
  await client.call(get, { params: { id: 'a' } });
  assert.deepEqual(seen, ['Bearer of-client', 'Bearer of-call', undefined]);
});

test('a caller can pass its own principal on', async (t) => {
  const { port } = await startHost(t, {
    verifyToken: issuer.verify,
    handlers: [handle(mine, async ({ principal }) => ok({ subject: principal.subject }))],
  });
  const client = connect(t, [port]);
  const reply = await client.call(mine, { token: await issuer.sign({ sub: 'carol' }) });
  assert.deepEqual(reply.body, { subject: 'carol' });
});

test('calls are measured by service, route template and outcome', async (t) => {
  const client = connect(t, [await startServer(t, answer(404))]);
  await assert.rejects(client.call(get, { params: { id: 'secret-id' } }));
  const text = client.metrics.render();
  assert.match(
    text,
    /_count\{server_service="sample",http_request_method="GET",http_route="\/items\/\{id\}",http_response_status_code="404",error_type="HTTP_UNEXPECTED_STATUS"\} 1/,
  );
  assert.doesNotMatch(text, /secret-id/);
});

test('after close no connection is left', async (t) => {
  const { host, port } = await startHost(t, { handlers: [handle(post, async ({ body }) => created(body))] });
  const client = connect(t, [port]);
  await client.call(post, { body: { id: 'a', n: 1 } });
  await client.close();
  await host.close();
});
