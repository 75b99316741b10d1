import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { PlatformError } from '@flotilla/kernel';
import * as s from '@flotilla/kernel/schema';
import { createMetrics, type Logger, silentLogger } from '@flotilla/telemetry';
import { connect, type readProblem, sendRaw, startHost } from '../../test/fixture.ts';
import { created, createHttpHost, defineRoute, handle, noContent, ok, problem } from '../index.ts';

const thing = s.object({
  id: s.string(),
  count: s.integer(),
  owner: s.nullable(s.object({ name: s.string() })),
});

const getThing = defineRoute({
  method: 'GET',
  path: '/things/:id',
  summary: 'One thing',
  access: 'public',
  params: s.object({ id: s.string({ maxLength: 20 }) }),
  query: s.object({ limit: s.optional(s.integer({ minimum: 1, maximum: 100 })) }),
  headers: s.object({ 'idempotency-key': s.optional(s.string()) }),
  responses: { 200: thing },
});
const putThing = defineRoute({
  method: 'PUT',
  path: '/things/:id',
  summary: 'Replace a thing',
  access: 'public',
  params: s.object({ id: s.string() }),
  body: s.object({ count: s.integer({ minimum: 0 }), note: s.optional(s.string()) }),
  responses: { 200: thing, 201: thing },
});
const deleteThing = defineRoute({
  method: 'DELETE',
  path: '/things/:id',
  summary: 'Remove a thing',
  access: 'public',
  responses: { 204: null },
});

const faults: Readonly<Record<string, () => never>> = {
  bug: () => {
    throw new Error('connect postgres://user:hunter2@db failed');
  },
  away: () => {
    throw new PlatformError('POSTGRES_UNAVAILABLE', 'hunter2', { retryable: true });
  },
  terminal: () => {
    throw new PlatformError('POSTGRES_QUERY_FAILED', 'hunter2');
  },
};

const handlers = [
  handle(getThing, async ({ params, query, headers }) => {
    faults[params.id]?.();
    if (params.id === 'gone')
      return problem(410, 'thing-gone', 'It was removed.', { removedBy: 'x', status: 1 });
    const row = {
      id: params.id,
      count: query.limit ?? 0,
      owner: { name: 'a', email: 'hunter2' },
      secret: 'hunter2',
    };
    return ok(row, { 'x-key': headers['idempotency-key'] ?? 'none' });
  }),
  handle(putThing, async ({ params, body }) =>
    created({ id: params.id, count: body.count, owner: null }, { location: `/things/${params.id}` }),
  ),
  handle(deleteThing, async () => noContent()),
];

const start = (t: TestContext) => startHost(t, { handlers });
const JSON_TYPE = { 'content-type': 'application/json' };

test('an answer has the declared properties only, and the headers of every answer', async (t) => {
  const { url } = await start(t);
  const response = await fetch(`${url}/things/a?limit=7`);
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { id: 'a', count: 7, owner: { name: 'a' } });
  assert.equal(response.headers.get('content-type'), 'application/json; charset=utf-8');
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
  assert.match(response.headers.get('x-request-id') ?? '', /^[0-9a-f]{32}$/);
  assert.equal(response.headers.get('server'), null);
  assert.equal(response.headers.get('x-powered-by'), null);
});

test('routes answer below a second prefix too, and nothing else does', async (t) => {
  const { url } = await startHost(t, { handlers, alsoBelow: '/api' });
  for (const path of ['/things/a', '/api/things/a', '/api/health/live'])
    assert.equal((await fetch(url + path)).status, 200, path);
  for (const path of ['/apithings/a', '/api/api/things/a', '/api', '/API/things/a'])
    assert.equal((await fetch(url + path)).status, 404, path);
});

test('statuses, headers and empty answers are as the handler says', async (t) => {
  const { url } = await start(t);
  const put = await fetch(`${url}/things/a`, { method: 'PUT', headers: JSON_TYPE, body: '{"count":2}' });
  assert.equal(put.status, 201);
  assert.equal(put.headers.get('location'), '/things/a');
  const removed = await fetch(`${url}/things/a`, { method: 'DELETE', headers: JSON_TYPE });
  assert.equal(removed.status, 204);
  assert.equal(await removed.text(), '');
  const head = await fetch(`${url}/things/a`, { method: 'HEAD' });
  assert.equal(head.status, 200);
});

test('a body without a byte is no body, in chunks and without a type too', async (t) => {
  const { port } = await start(t);
  const chunked = (line: string, body: string) =>
    sendRaw(port, `${line}\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n${body}`);
  assert.match(await chunked('DELETE /things/a HTTP/1.1', '0\r\n\r\n'), /^HTTP\/1.1 204 /);
  assert.match(await chunked('PUT /things/a HTTP/1.1', '0\r\n\r\n'), /^HTTP\/1.1 400 [\s\S]*malformed-json/);
  assert.match(await chunked('DELETE /things/a HTTP/1.1', '1\r\n{\r\n0\r\n\r\n'), /^HTTP\/1.1 415 /);
  assert.match(await chunked('DELETE /nowhere HTTP/1.1', '1\r\n{\r\n0\r\n\r\n'), /^HTTP\/1.1 404 /);
});

test('a problem has the media type without parameters, as the gateway sends it', async (t) => {
  const { url } = await start(t);
  const response = await fetch(`${url}/things/gone`);
  assert.equal(response.headers.get('content-type'), 'application/problem+json');
});

test('what is not JSON has the media type of its route', async (t) => {
  const getPicture = defineRoute({
    method: 'GET',
    path: '/pictures/:id/large.svg',
    summary: 'A picture',
    access: 'public',
    params: s.object({ id: s.string() }),
    produces: 'image/svg+xml',
    responses: { 200: s.string() },
  });
  const { url, port } = await startHost(t, {
    handlers: [handle(getPicture, async ({ params }) => ok(`<svg id="${params.id}"/>`))],
  });
  const response = await fetch(`${url}/pictures/a/large.svg`);
  assert.match(response.headers.get('content-type') ?? '', /^image\/svg\+xml/);
  assert.equal(await response.text(), '<svg id="a"/>');
  const reply = await connect(t, [port]).call(getPicture, { params: { id: 'b' } });
  assert.equal(reply.body, '<svg id="b"/>');
});

const refusals: readonly {
  readonly what: string;
  readonly path?: string;
  readonly init?: RequestInit;
  readonly status: number;
  readonly code: string;
  readonly issues?: readonly string[];
}[] = [
  { what: 'an unknown path', path: '/nope', status: 404, code: 'not-found' },
  {
    what: 'a known path with another method',
    init: { method: 'POST' },
    status: 405,
    code: 'method-not-allowed',
  },
  { what: 'a malformed escape in the path', path: '/things/%zz', status: 400, code: 'malformed-url' },
  {
    what: 'a path parameter beyond its schema',
    path: `/things/${'x'.repeat(21)}`,
    status: 400,
    code: 'validation-failed',
    issues: ['params /id'],
  },
  {
    what: 'a query of the wrong type and an unknown one, both at once',
    path: '/things/a?limit=many&admin=1',
    status: 400,
    code: 'validation-failed',
    issues: ['query /admin', 'query /limit'],
  },
  { what: 'a query sent twice', path: '/things/a?limit=1&limit=2', status: 400, code: 'validation-failed' },
  { what: 'JSON that does not parse', init: put('{"count":'), status: 400, code: 'malformed-json' },
  { what: 'an empty body', init: put(''), status: 400, code: 'malformed-json' },
  { what: 'no body at all', init: { method: 'PUT' }, status: 400, code: 'malformed-json' },
  {
    what: 'a body that is not UTF-8',
    init: put(Buffer.from('{"note":"\xff"}', 'latin1')),
    status: 400,
    code: 'malformed-json',
  },
  {
    what: 'a __proto__ key',
    init: put('{"count":1,"__proto__":{"admin":true}}'),
    status: 400,
    code: 'malformed-json',
  },
  {
    what: 'a constructor.prototype key',
    init: put('{"count":1,"constructor":{"prototype":{"admin":true}}}'),
    status: 400,
    code: 'malformed-json',
  },
  {
    what: 'deep nesting',
    init: put(`${'{"a":'.repeat(100)}1${'}'.repeat(100)}`),
    status: 400,
    code: 'malformed-json',
  },
  {
    what: 'an unknown and a wrong property',
    init: put('{"count":-1,"role":"Admin"}'),
    status: 400,
    code: 'validation-failed',
    issues: ['body /role', 'body /count'],
  },
  { what: 'a number in a string', init: put('{"count":"1"}'), status: 400, code: 'validation-failed' },
  {
    what: 'a number beyond all numbers',
    init: put('{"count":1e999}'),
    status: 400,
    code: 'validation-failed',
  },
  { what: 'an array for an object', init: put('[]'), status: 400, code: 'validation-failed' },
  { what: 'null for an object', init: put('null'), status: 400, code: 'validation-failed' },
  {
    what: 'another content type',
    init: { method: 'PUT', headers: { 'content-type': 'text/plain' }, body: '{"count":1}' },
    status: 415,
    code: 'unsupported-media-type',
  },
  {
    what: 'a form',
    init: { method: 'PUT', body: new URLSearchParams('count=1') },
    status: 415,
    code: 'unsupported-media-type',
  },
  {
    what: 'a body above the limit',
    init: put(`{"note":"${'x'.repeat(300_000)}"}`),
    status: 413,
    code: 'body-too-large',
  },
  { what: 'a defect in the handler', path: '/things/bug', status: 500, code: 'internal-error' },
  { what: 'a terminal platform error', path: '/things/terminal', status: 500, code: 'internal-error' },
  { what: 'a dependency that is away', path: '/things/away', status: 503, code: 'temporarily-unavailable' },
];

function put(body: string | Buffer<ArrayBuffer>): RequestInit {
  return { method: 'PUT', headers: JSON_TYPE, body };
}

for (const { what, path = '/things/a', init = {}, status, code, issues } of refusals) {
  test(`${what} is answered ${status} ${code}`, async (t) => {
    const { url } = await start(t);
    const response = await fetch(`${url}${path}`, init);
    const text = await response.text();
    const body = JSON.parse(text) as Awaited<ReturnType<typeof readProblem>>;
    assert.equal(response.status, status, text);
    assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/);
    assert.equal(body.code, code);
    assert.equal(body.status, status);
    assert.equal(body.traceId, response.headers.get('x-request-id'));
    assert.doesNotMatch(text, /hunter2|\bat .*\.ts:|Admin/, 'the answer repeats input or internals');
    if (issues)
      assert.deepEqual(
        body.errors?.map((issue) => `${issue.in} ${issue.path}`),
        issues,
      );
  });
}

test('405 says what is allowed, 503 when to come back', async (t) => {
  const { url } = await start(t);
  const refused = await fetch(`${url}/things/a`, { method: 'PATCH' });
  assert.equal(refused.headers.get('allow'), 'GET, HEAD, PUT, DELETE');
  const away = await fetch(`${url}/things/away`);
  assert.equal(away.headers.get('retry-after'), '1');
});

test('a problem of the handler keeps its members, but not those the host decides', async (t) => {
  const { url } = await start(t);
  const response = await fetch(`${url}/things/gone`);
  const { traceId, ...body } = (await response.json()) as Record<string, unknown>;
  assert.equal(traceId, response.headers.get('x-request-id'));
  assert.deepEqual(body, {
    type: 'about:blank',
    title: 'Gone',
    status: 410,
    code: 'thing-gone',
    detail: 'It was removed.',
    removedBy: 'x',
  });
});

test('a declared header that was sent twice is refused instead of joined', async (t) => {
  const { port } = await start(t);
  const request = (headers: string) =>
    sendRaw(port, `GET /things/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n`);
  assert.match(await request('Idempotency-Key: a, b\r\n'), /^HTTP\/1\.1 200 .*x-key: a, b/s);
  const twice = await request('Idempotency-Key: a\r\nidempotency-key: b\r\n');
  assert.match(twice, /^HTTP\/1\.1 400 .*"code":"validation-failed".*"path":"\/idempotency-key"/s);
});

test('what never becomes a request is answered on the socket', async (t) => {
  const { port } = await start(t);
  const garbage = await sendRaw(port, 'NOT HTTP\r\n\r\n');
  assert.match(garbage, /^HTTP\/1\.1 400 .*application\/problem\+json.*"code":"malformed-request"/s);
  const huge = await sendRaw(port, `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`);
  assert.match(huge, /^HTTP\/1\.1 431 .*"code":"headers-too-large"/s);
  const smuggled = await sendRaw(
    port,
    'PUT /things/a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  );
  assert.match(smuggled, /^HTTP\/1\.1 400 /);
});

test('an undeclared answer of a handler is a defect, not an answer', async (t) => {
  const logged: object[] = [];
  const route = { ...getThing, responses: { 202: thing } };
  const { url } = await startHost(t, {
    handlers: [{ route, run: async () => ({ status: 200, body: { id: 'x' } }) }],
    logger: recordErrors(logged),
  });
  const response = await fetch(`${url}/things/a`);
  assert.equal(response.status, 500);
  assert.match(JSON.stringify(logged), /GET/);
});

test('an unexpected error is logged once, with its route and trace', async (t) => {
  const logged: Record<string, unknown>[] = [];
  const { url } = await startHost(t, { handlers, logger: recordErrors(logged) });
  const response = await fetch(`${url}/things/bug`);
  assert.equal(logged.length, 1);
  assert.equal(logged[0]?.['route'], '/things/{id}');
  assert.equal(logged[0]?.['trace_id'], response.headers.get('x-request-id'));
  assert.match(String(logged[0]?.['err']), /hunter2/);
});

function recordErrors(into: object[]): Logger {
  const ignore = () => undefined;
  const logger: Logger = {
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: (fields) => into.push(fields),
    child: () => logger,
  };
  return logger;
}

test('routes outside of the contract are added to Fastify directly', async (t) => {
  const { url } = await startHost(t, {
    handlers,
    rawRoutes: (app) => {
      app.get('/page', (_request, reply) => reply.type('text/html; charset=utf-8').send('<p>hi</p>'));
    },
  });
  const response = await fetch(`${url}/page`);
  assert.equal(await response.text(), '<p>hi</p>');
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
});

test('requests are measured by route template, method and status', async (t) => {
  const { url } = await start(t);
  for (const path of ['/things/a', '/things/b', '/things/bug', '/nope/1', '/nope/2']) {
    await (await fetch(url + path)).text();
  }
  for (const path of ['/metrics', '/health/live']) await (await fetch(url + path)).text();
  const text = await (await fetch(`${url}/metrics`)).text();
  const count = (route: string, status: number) =>
    new RegExp(
      `http_server_request_duration_seconds_count\\{http_request_method="GET",http_route="${route}",http_response_status_code="${status}"\\} (\\d+)`,
    ).exec(text)?.[1];
  assert.equal(count('/things/\\{id\\}', 200), '2');
  assert.equal(count('/things/\\{id\\}', 500), '1');
  assert.equal(count('unmatched', 404), '2');
  assert.doesNotMatch(text, /http_route="\/(metrics|health)/, 'scrapes and probes are no traffic');
});

test('two handlers of one operation are refused at construction', () => {
  const twice = [handle(deleteThing, async () => noContent()), handle(deleteThing, async () => noContent())];
  const metrics = createMetrics();
  assert.throws(
    () => createHttpHost({ service: 'x', handlers: twice, logger: silentLogger, metrics, readiness: {} }),
    /already declared/,
  );
});
