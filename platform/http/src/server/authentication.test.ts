import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { authenticated, requirePermission, type VerifyToken } from '@flotilla/auth';
import { PlatformError } from '@flotilla/kernel';
import * as s from '@flotilla/kernel/schema';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { issuer, readProblem, sendRaw, startHost } from '../../test/fixture.ts';
import { createHttpHost, defineRoute, handle, ok } from '../index.ts';

const whoAmI = defineRoute({
  method: 'GET',
  path: '/me',
  summary: 'The caller',
  access: authenticated,
  responses: { 200: s.object({ subject: s.string() }) },
});
const write = defineRoute({
  method: 'POST',
  path: '/orders',
  summary: 'Needs a permission',
  access: requirePermission('orders.write'),
  body: s.object({ count: s.integer() }),
  responses: { 200: s.object({ subject: s.string() }) },
});
const open = defineRoute({
  method: 'GET',
  path: '/open',
  summary: 'Anybody',
  access: 'public',
  responses: { 200: s.object({ known: s.boolean() }) },
});

const handlers = [
  handle(whoAmI, async ({ principal }) => ok({ subject: principal.subject })),
  handle(write, async ({ principal }) => ok({ subject: principal.subject })),
  handle(open, async ({ principal }) => ok({ known: principal !== undefined })),
];

const start = (t: TestContext, verifyToken: VerifyToken = issuer.verify) =>
  startHost(t, { handlers, verifyToken });
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

test('a valid token gives the handler its principal, and an answer nobody may store', async (t) => {
  const { url } = await start(t);
  const response = await fetch(`${url}/me`, bearer(await issuer.sign({ sub: 'alice' })));
  assert.deepEqual(await response.json(), { subject: 'alice' });
  assert.equal(response.headers.get('cache-control'), 'no-store');
});

test('without a token the answer is 401 with a challenge', async (t) => {
  const { url } = await start(t);
  const response = await fetch(`${url}/me`);
  assert.equal(response.status, 401);
  assert.equal(response.headers.get('www-authenticate'), 'Bearer');
  assert.equal((await readProblem(response)).code, 'unauthorized');
});

test('expired, forged and foreign tokens are all the same 401', async (t) => {
  const { url } = await start(t);
  const valid = await issuer.sign();
  const tokens = [
    await issuer.sign({ exp: 1_000 }),
    await issuer.sign({ aud: 'other' }),
    await issuer.sign({ iss: 'http://evil.test' }),
    `${valid.slice(0, -4)}AAAA`,
    'not-a-token',
  ];
  const answers = await Promise.all(
    tokens.map(async (token) => {
      const response = await fetch(`${url}/me`, bearer(token));
      const { traceId: _, ...body } = await readProblem(response);
      return { status: response.status, challenge: response.headers.get('www-authenticate'), body };
    }),
  );
  assert.equal(answers[0]?.status, 401);
  assert.equal(answers[0]?.challenge, 'Bearer error="invalid_token"');
  for (const answer of answers) assert.deepEqual(answer, answers[0]);
});

test('a token is taken from one Authorization header and nowhere else', async (t) => {
  const { url, port } = await start(t);
  const token = await issuer.sign();
  assert.equal((await fetch(`${url}/me?access_token=${token}`)).status, 401);
  assert.equal((await fetch(`${url}/me`, { headers: { authorization: `Basic ${token}` } })).status, 401);
  const twice = await sendRaw(
    port,
    `GET /me HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\nAuthorization: Bearer x\r\n\r\n`,
  );
  assert.match(twice, /^HTTP\/1\.1 401 /);
});

test('a caller without the permission is answered 403, before the body is looked at', async (t) => {
  const { url } = await start(t);
  const init = { method: 'POST', body: '{"broken', ...bearer(await issuer.sign()) };
  const response = await fetch(`${url}/orders`, {
    ...init,
    headers: { ...init.headers, 'content-type': 'application/json' },
  });
  assert.equal(response.status, 403);
  assert.equal((await readProblem(response)).code, 'forbidden');
  assert.equal(response.headers.get('www-authenticate'), 'Bearer error="insufficient_scope"');
});

test('a public route neither needs nor reads a token', async (t) => {
  const { url } = await start(t);
  for (const init of [{}, bearer('garbage'), bearer(await issuer.sign())]) {
    const response = await fetch(`${url}/open`, init);
    assert.deepEqual(await response.json(), { known: false });
    assert.equal(response.headers.get('cache-control'), null);
  }
});

test('when the keys cannot be loaded the answer is 503, not 401', async (t) => {
  const { url } = await start(t, () =>
    Promise.reject(new PlatformError('AUTH_KEYS_UNAVAILABLE', 'x', { retryable: true })),
  );
  const response = await fetch(`${url}/me`, bearer(await issuer.sign()));
  assert.equal(response.status, 503);
  assert.equal(response.headers.get('retry-after'), '1');
});

test('a guarded route without a verifier is refused at construction', () => {
  assert.throws(
    () =>
      createHttpHost({
        service: 'x',
        handlers,
        logger: silentLogger,
        metrics: createMetrics(),
        readiness: {},
      }),
    /GET \/me needs authenticated, but there is no verifyToken/,
  );
});
