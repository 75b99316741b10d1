import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { serviceAudience } from '@flotilla/auth';
import { createTestIssuer } from '@flotilla/auth/testing';
import { startRegistry } from '@flotilla/discovery/registry';
import { createHttpHost, defineRoute, type HttpHostOptions, handle, ok } from '@flotilla/http';
import * as s from '@flotilla/kernel/schema';
import { childEnvironment, eventually } from '@flotilla/kernel/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';

const issuer = createTestIssuer();
const SAMPLE = join(import.meta.dirname, '../test/sample-service.ts');
const CONFIG = { GREETING: 'hello', API_KEY: 'hunter2', INSTANCE_ID: 'sample-1', ISSUER: issuer.issuer };

interface Running {
  readonly child: ChildProcess;
  readonly output: () => string;
  /** The message that the service sends when it serves. */
  readonly ready: Promise<{ readonly type: string; readonly url: string }>;
  readonly exit: Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

function run(t: TestContext, env: Readonly<Record<string, string>>): Running {
  const child = fork(SAMPLE, {
    env: { ...childEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  t.after(() => child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
  }
  // Not `close`, which does not come after `disconnect`.
  const exit = once(child, 'exit').then(async ([code, signal]) => {
    await Promise.all(
      [child.stdout, child.stderr].map((stream) => stream?.closed || (stream && once(stream, 'close'))),
    );
    return { code, signal };
  });
  const ready = Promise.race([
    once(child, 'message').then(([message]) => message),
    exit.then(() => Promise.reject(new Error(`the service ended before it was ready:\n${output}`))),
  ]);
  ready.catch(() => undefined);
  return { child, output: () => output, ready, exit };
}

const messages = (output: string): string[] =>
  output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => (JSON.parse(line) as { msg: string }).msg);

test('a service tells its supervisor where it serves, and drains at SIGTERM, however often it comes', async (t) => {
  const service = run(t, CONFIG);
  const { type, url } = await service.ready;
  assert.equal(type, 'ready');
  assert.equal((await fetch(`${url}/health/ready`)).status, 200);
  const slow = fetch(`${url}/hello?afterMs=300`);
  await eventually('the request runs', () => service.output().includes('greeting soon'));
  service.child.kill('SIGTERM');
  await eventually('it is stopping', () => service.output().includes('stopping'));
  for (const again of ['SIGTERM', 'SIGINT'] as const) service.child.kill(again);
  const response = await slow;
  assert.deepEqual(await response.json(), { greeting: 'hello' });
  assert.deepEqual(await service.exit, { code: 0, signal: null });
  const said = messages(service.output());
  const last = said.slice(said.indexOf('stopping'));
  assert.deepEqual(last, ['stopping', 'ticker ended', 'disposed second', 'disposed first', 'stopped']);
  assert.doesNotMatch(service.output(), /hunter2/);
});

test('a service whose supervisor has died ends by itself', async (t) => {
  const service = run(t, CONFIG);
  await service.ready;
  service.child.stdout?.destroy(); // as a dead supervisor's pipes are
  service.child.disconnect();
  assert.deepEqual(await service.exit, { code: 0, signal: null });
});

test('SIGINT twice ends it at once', async (t) => {
  const impatient = run(t, CONFIG);
  const { url } = await impatient.ready;
  const stuck = fetch(`${url}/hello?afterMs=60000`);
  stuck.catch(() => undefined);
  await eventually('the request runs', () => impatient.output().includes('greeting soon'));
  impatient.child.kill('SIGINT');
  await eventually('it is stopping', () => impatient.output().includes('stopping'));
  impatient.child.kill('SIGINT');
  assert.deepEqual(await impatient.exit, { code: 1, signal: null });
});

test('unusable configuration is listed whole, and the exit status says not to try again', async (t) => {
  const service = run(t, { PORT: 'http', LOG_LEVEL: 'loud', ISSUER: 'not a url' });
  assert.deepEqual(await service.exit, { code: 78, signal: null });
  assert.equal(
    service.output(),
    [
      'sample cannot start, its configuration is not usable:',
      '  - PORT must be an integer from 0 to 65535',
      '  - ISSUER must be a http or https URL',
      '  - LOG_LEVEL must be one of debug, info, warn, error',
      '  - GREETING is required',
      '  - API_KEY is required',
      '',
    ].join('\n'),
  );
});

test('guarded routes without an issuer are a matter of configuration too', async (t) => {
  const service = run(t, { ...CONFIG, ISSUER: '' });
  assert.deepEqual(await service.exit, { code: 78, signal: null });
  assert.match(service.output(), /ISSUER is required/);
});

test('a busy port is said in words', async (t) => {
  const first = run(t, CONFIG);
  const { url } = await first.ready;
  const second = run(t, { ...CONFIG, PORT: new URL(url).port });
  assert.deepEqual(await second.exit, { code: 1, signal: null });
  assert.match(second.output(), /EADDRINUSE.*the process could not start/);
});

for (const kind of ['exception', 'rejection', 'background']) {
  test(`a fault outside of any request (${kind}) is logged and ends the process with 1`, async (t) => {
    const service = run(t, CONFIG);
    const { url } = await service.ready;
    await fetch(`${url}/fault/${kind}`, { method: 'POST' }).catch(() => undefined);
    assert.deepEqual(await service.exit, { code: 1, signal: null });
    assert.match(service.output(), /"level":"error".*(JSON|nobody listens|the ticker broke)/);
  });
}

test('an armed crash point kills the process where it stands', async (t) => {
  const service = run(t, { ...CONFIG, FLOTILLA_CRASH_POINT: 'sample.before-answer:2' });
  const { url } = await service.ready;
  assert.equal((await fetch(`${url}/hello`)).status, 200);
  await assert.rejects(fetch(`${url}/hello`));
  assert.deepEqual(await service.exit, { code: null, signal: 'SIGKILL' });
});

test('every crash point that is passed can be traced', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-trace-'));
  t.after(() => rm(folder, { recursive: true }));
  const trace = join(folder, 'trace');
  const faults = { FLOTILLA_CRASH_TRACE: trace, FLOTILLA_CRASH_POINT: 'sample.before-answer:2' };
  const service = run(t, { ...CONFIG, ...faults });
  const { url } = await service.ready;
  await fetch(`${url}/hello`);
  await assert.rejects(fetch(`${url}/hello`));
  await service.exit;
  assert.equal(await readFile(trace, 'utf8'), 'sample sample.before-answer\n'.repeat(2));
});

test('a service is found while it serves and gone before it stops', async (t) => {
  const registry = await startRegistry({ host: '127.0.0.1', port: 0 });
  t.after(() => registry.close());
  const instances = async () => {
    const response = await fetch(`${registry.url}/v1/health/service/sample?passing=true`);
    return ((await response.json()) as { Service: { ID: string; Port: number } }[]).map(
      ({ Service }) => Service,
    );
  };
  const service = run(t, { ...CONFIG, REGISTRY_URL: registry.url });
  const { url } = await service.ready;
  const [instance] = await instances();
  assert.equal(instance?.ID, 'sample-1');
  assert.equal(instance?.Port, Number(new URL(url).port));
  const slow = fetch(`${url}/hello?afterMs=400`);
  await eventually('the request runs', () => service.output().includes('greeting soon'));
  service.child.kill('SIGTERM');
  await eventually('it has left the registry', async () => (await instances()).length === 0);
  assert.equal(service.child.exitCode, null, 'it left before its requests had ended');
  await slow;
  assert.equal((await service.exit).code, 0);
});

for (const [how, edges] of [
  ['its own token beside the user', '{}'],
  ['a token that was exchanged', '{"sample":{"userToken":"exchange"}}'],
] as const)
  test(`a call in the name of a user shows ${how}, and the callee knows both`, async (t) => {
    const asked: unknown[] = [];
    const registry = await startIdentity(t, asked);
    const service = run(t, {
      ...CONFIG,
      ...{ REGISTRY_URL: registry, SERVICE_SECRET: 'hunter2', FLOTILLA_EDGES: edges },
    });
    const { url } = await service.ready;
    const token = await issuer.sign({ sub: 'alice', scope: 'orders.read' });
    for (let n = 0; n < 2; n += 1) {
      const answer = await fetch(`${url}/relay-named`, { headers: { authorization: `Bearer ${token}` } });
      assert.deepEqual(await answer.json(), { greeting: 'alice by sample' });
    }
    const wanted =
      edges === '{}'
        ? { clientId: 'sample', clientSecret: 'hunter2', scope: 'orders.read' }
        : {
            authorization: `Basic ${Buffer.from('sample:hunter2').toString('base64')}`,
            grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
            audience: 'sample',
            subject_token: token,
            subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
          };
    assert.deepEqual(asked, [wanted], 'once for both');
    if (edges === '{}') return;
    const refused = await issuer.sign({ sub: 'refused', scope: 'orders.read' });
    const answer = await fetch(`${url}/relay-named`, { headers: { authorization: `Bearer ${refused}` } });
    assert.equal(answer.status, 401, 'the user has to sign in again');
  });

test('tokens are checked with the keys of identity, and its own come from there', async (t) => {
  const asked: unknown[] = [];
  const registry = await startIdentity(t, asked);
  const service = run(t, { ...CONFIG, REGISTRY_URL: registry, SERVICE_SECRET: 'hunter2' });
  const { url } = await service.ready;
  const token = await issuer.sign({ sub: 'alice', scope: 'orders.read' });
  const response = await fetch(`${url}/guarded`, { headers: { authorization: `Bearer ${token}` } });
  assert.deepEqual(await response.json(), { greeting: 'alice' });
  const refused = await fetch(`${url}/guarded`, { headers: { authorization: 'Bearer x.y.z' } });
  assert.equal(((await refused.json()) as { code: string }).code, 'unauthorized');
  const relayed = await fetch(`${url}/relay`);
  assert.deepEqual(await relayed.json(), { greeting: 'sample' });
  assert.deepEqual(asked, [{ clientId: 'sample', clientSecret: 'hunter2', scope: 'orders.read' }]);
  assert.doesNotMatch(service.output(), /hunter2/);
});

/** An identity that keeps what it was asked, in a registry whose address this is. */
async function startIdentity(t: TestContext, asked: unknown[]): Promise<string> {
  const registry = await startRegistry({ host: '127.0.0.1', port: 0 });
  t.after(() => registry.close());
  const identity = createHttpHost({
    service: 'identity',
    handlers: identityHandlers(asked),
    rawRoutes: exchangeRoute(asked),
    logger: silentLogger,
    metrics: createMetrics(),
    readiness: {},
  });
  t.after(() => identity.close());
  const { port } = await identity.listen();
  await fetch(`${registry.url}/v1/agent/service/register`, {
    method: 'PUT',
    body: JSON.stringify({ Name: 'identity', ID: 'identity-1', Address: '127.0.0.1', Port: port }),
  });
  return registry.url;
}

/** RFC 8693, as identity answers it. */
function exchangeRoute(asked: unknown[]): NonNullable<HttpHostOptions['rawRoutes']> {
  return (app) => {
    const form = 'application/x-www-form-urlencoded';
    app.addContentTypeParser(form, { parseAs: 'string' }, (_request, body, done) => done(null, body));
    app.post('/identity/token', async (request, reply) => {
      const fields = Object.fromEntries(new URLSearchParams(String(request.body)));
      asked.push({ authorization: request.headers.authorization, ...fields });
      const [, claims = ''] = (fields['subject_token'] ?? '').split('.');
      const { sub, scope } = JSON.parse(Buffer.from(claims, 'base64url').toString());
      if (sub === 'refused') return await reply.code(400).send({ error: 'invalid_request' });
      const aud = serviceAudience(issuer.audience, String(fields['audience']));
      const token = await issuer.sign({ sub, scope, aud, client_id: 'sample', act: { sub: 'sample' } });
      return { access_token: token, expires_in: 300, token_type: 'Bearer' };
    });
  };
}

function identityHandlers(asked: unknown[]) {
  const jwks = defineRoute({
    method: 'GET',
    path: '/identity/jwks',
    summary: 'Keys',
    access: 'public',
    responses: { 200: s.anything() },
  });
  const token = defineRoute({
    method: 'POST',
    path: '/internal/token',
    summary: 'Tokens',
    access: 'public',
    body: s.object({ clientId: s.string(), clientSecret: s.string(), scope: s.string() }),
    responses: { 200: s.object({ accessToken: s.string(), expiresIn: s.integer() }) },
  });
  return [
    handle(jwks, async () => ok(issuer.jwks)),
    handle(token, async ({ body }) => {
      asked.push(body);
      const accessToken = await issuer.sign({
        sub: body.clientId,
        client_id: body.clientId,
        scope: body.scope,
      });
      return ok({ accessToken, expiresIn: 900 });
    }),
  ];
}
