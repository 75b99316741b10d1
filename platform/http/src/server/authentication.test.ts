import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  allOf,
  anyUser,
  authenticated,
  calledBy,
  createTokenVerifier,
  type Principal,
  requirePermission,
  type VerifyToken,
} from '@flotilla/auth';
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

test('a service may call in the name of a user: the user has the rights, both are known', async (t) => {
  const callers = createTokenVerifier({ ...issuer, algorithms: ['ES256'], callers: new Set(['cart']) });
  const byCart = defineRoute({ ...whoAmI, path: '/by-cart', access: allOf(calledBy('cart'), anyUser) });
  const seen = s.object({ subject: s.string(), service: s.optional(s.string()) });
  const route = defineRoute({ ...write, method: 'GET', body: undefined, responses: { 200: seen } });
  const show = ({ subject, service }: Principal) =>
    ok({ subject, ...(service !== undefined && { service }) });
  const { url } = await startHost(t, {
    handlers: [
      handle(route, async ({ principal }) => show(principal)),
      handle(byCart, async ({ principal }) => ok({ subject: principal.subject })),
    ],
    verifyToken: callers,
  });
  const service = (name: string) =>
    issuer.sign({ sub: name, client_id: name, permissions: ['orders.write'] });
  const alice = await issuer.sign({ sub: 'alice', client_id: 'web-app', permissions: ['orders.write'] });
  const bob = await issuer.sign({ sub: 'bob', client_id: 'web-app' });
  const call = async (path: string, token: string, onBehalfOf?: string) => {
    const headers = {
      authorization: `Bearer ${token}`,
      ...(onBehalfOf !== undefined && { 'x-on-behalf-of': onBehalfOf }),
    };
    const response = await fetch(`${url}${path}`, { headers });
    return [response.status, await response.json()] as const;
  };
  assert.deepEqual(await call('/orders', await service('cart'), alice), [
    200,
    { subject: 'alice', service: 'cart' },
  ]);
  assert.equal(
    (await call('/orders', await service('cart'), bob))[0],
    403,
    "the service's rights are not the user's",
  );
  assert.equal((await call('/by-cart', await service('cart'), bob))[0], 200);
  assert.equal((await call('/by-cart', await service('cart')))[0], 403, 'nobody it calls for');
  assert.equal((await call('/by-cart', bob))[0], 403, 'no service that calls');
  for (const [path, token, other] of [
    ['/orders', bob, alice],
    ['/orders', await service('cart'), await service('cart')],
    ['/orders', await service('cart'), `${alice}x`],
    ['/orders', await service('cart'), ''],
    ['/orders', await service('cart'), `${alice}, ${alice}`],
  ] as const)
    assert.equal((await call(path, token, other))[0], 401);
  const [status, problem] = await call('/orders', await service('payment'), alice);
  assert.deepEqual([status, (problem as { code: string }).code], [403, 'caller-refused']);
});

test('a route that does not say who may call it does not start', () => {
  for (const access of [undefined, null, 'anonymous', {}, { name: 'x' }, { allows: () => true }]) {
    const route = { ...open, access } as unknown as typeof open;
    const handlers = [handle(route, async () => ok({ known: false }))];
    const start = () => createHttpHost({ ...facts, verifyToken: issuer.verify, handlers, readiness: {} });
    assert.throws(start, { code: 'AUTH_POLICY_MISSING', message: /^GET \/open does not say/ });
  }
});

const facts = { service: 'test', logger: silentLogger, metrics: createMetrics() };
