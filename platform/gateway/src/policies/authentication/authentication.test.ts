import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { createTestIssuer } from '@flotilla/auth/testing';
import { createManualClock } from '@flotilla/kernel/testing';
import { type TestRequest, testExchange } from '../../../test/exchange.ts';
import type { Refusal } from '../../wire/rules/refusal.ts';
import { bearerToken, compileAuthentication } from './authentication.ts';
import {
  createTokenProvider,
  customProvider,
  principalProvider,
  type TokenProvider,
  type TokenProviderConfig,
} from './providers.ts';
import { fetchJwks } from './token-providers.ts';

const SECRET = randomBytes(32).toString('hex');
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

function sign(claims: object, secret = SECRET): string {
  const input = `${encode({ alg: 'HS256' })}.${encode({ iss: 'idp', ...claims })}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

const LOCAL: TokenProviderConfig = {
  issuer: 'idp',
  audiences: [],
  keys: { kind: 'secret', secret: SECRET },
  algorithms: ['HS256'],
  clockSkewSeconds: 60,
  maxTokenBytes: 16_384,
};

function setUp(custom: Readonly<Record<string, TokenProvider>> = {}, strict = false) {
  const clock = createManualClock();
  const nowSeconds = () => clock.now().getTime() / 1000;
  const problems: string[] = [];
  const refused: string[] = [];
  const provider = (name: string, config: TokenProviderConfig) =>
    createTokenProvider(name, config, { clock, fetchJwks, onProblem: (who) => problems.push(who) });
  const providers = new Map([['Local', provider('Local', LOCAL)], ...Object.entries(custom)]);
  const step = (keys: readonly string[]) =>
    compileAuthentication(
      { providers: keys, allowedScopes: [] },
      {
        strict,
        providers,
        apiKeys: new Map(),
        nowMs: () => clock.now().getTime(),
        onRefused: (name, reason) => refused.push(`${name}:${reason}`),
      },
    );
  return { clock, nowSeconds, provider, providers, problems, refused, step };
}

type Run = { readonly result: Refusal | undefined; readonly claims: object; readonly isSync: boolean };

async function run(step: ReturnType<typeof compileAuthentication>, request: TestRequest): Promise<Run> {
  assert.ok(step);
  const exchange = testExchange(request);
  const result = step(exchange);
  const isSync = !(result instanceof Promise);
  return { result: await result, claims: Object.fromEntries(exchange.claims ?? []), isSync };
}

const bearer = (token: string): TestRequest => ({ fields: [['Authorization', `Bearer ${token}`]] });

describe('authentication', () => {
  it('is no step on an open route', () => {
    const deps = {
      strict: false,
      providers: new Map(),
      apiKeys: new Map(),
      nowMs: () => 0,
      onRefused: () => undefined,
    };
    assert.equal(compileAuthentication(undefined, deps), undefined);
  });

  it('cannot be made with a provider nobody knows', () => {
    assert.throws(() => setUp().step(['Local', 'Nobody']), /Nobody/);
  });

  it('takes the claims from a good token, and the second time without a promise', async () => {
    const { step, nowSeconds } = setUp();
    const authenticate = step(['Local']);
    const exp = nowSeconds() + 60;
    const token = sign({ sub: 'ann', roles: ['a', 'b'], exp });
    const expected = { iss: ['idp'], sub: ['ann'], roles: ['a', 'b'], exp: [String(exp)] };
    assert.deepEqual(await run(authenticate, bearer(token)), {
      result: undefined,
      claims: expected,
      isSync: false,
    });
    assert.deepEqual(await run(authenticate, bearer(token)), {
      result: undefined,
      claims: expected,
      isSync: true,
    });
  });

  it('forgets a token when it expires', async () => {
    const { step, nowSeconds, clock, refused } = setUp();
    const authenticate = step(['Local']);
    const token = sign({ exp: nowSeconds() + 10 });
    await run(authenticate, bearer(token));
    await clock.advance(69_000);
    const late = await run(authenticate, bearer(token));
    assert.deepEqual([late.result, late.isSync], [undefined, true]);
    await clock.advance(2_000);
    assert.equal((await run(authenticate, bearer(token))).result?.status, 401);
    assert.deepEqual(refused, ['Local:expired']);
  });

  it('refuses without a token, and with one that is not good, differently', async () => {
    const { step, nowSeconds } = setUp();
    const none = await run(step(['Local']), {});
    assert.deepEqual(none.result?.headers, [['www-authenticate', 'Bearer']]);
    const bad = await run(step(['Local']), bearer(sign({ exp: nowSeconds() + 60 }, `${SECRET}x`)));
    assert.deepEqual(bad.result?.headers, [['www-authenticate', 'Bearer error="invalid_token"']]);
    assert.deepEqual(bad.claims, {});
  });

  it('asks the providers in order; one that fails is passed over', async () => {
    const asked: string[] = [];
    const custom = {
      Broken: customProvider(async () => {
        asked.push('Broken');
        throw new Error('cannot say');
      }),
      Own: customProvider(async (token) => {
        asked.push('Own');
        return { sub: token };
      }),
    };
    const { step, refused } = setUp(custom);
    const { claims, result } = await run(step(['Broken', 'Own', 'Local']), bearer('opaque'));
    assert.equal(result, undefined);
    assert.deepEqual(claims, { sub: ['opaque'] });
    assert.deepEqual(asked, ['Broken', 'Own']);
    assert.deepEqual(refused, ['Broken:error']);
  });

  it('knows the platform’s own tokens', async () => {
    const issuer = createTestIssuer();
    const { step } = setUp({ Bearer: principalProvider(issuer.verify) });
    const token = await issuer.sign({ sub: 'ann', tenant_id: 't', scope: 'read write', permissions: ['p'] });
    const { claims } = await run(step(['Bearer']), bearer(token));
    assert.deepEqual(claims, {
      sub: ['ann'],
      tenant_id: ['t'],
      scope: ['read', 'write'],
      permissions: ['p'],
    });
  });

  it('lets preflights pass, strictly every OPTIONS', async () => {
    const preflight = [
      ['Origin', 'https://a.test'],
      ['Access-Control-Request-Method', 'PUT'],
    ] as const;
    const lax = setUp().step(['Local']);
    assert.equal((await run(lax, { method: 'OPTIONS', fields: preflight })).result, undefined);
    assert.equal((await run(lax, { method: 'OPTIONS' })).result?.status, 401);
    assert.equal((await run(lax, { method: 'GET', fields: preflight })).result?.status, 401);
    assert.equal((await run(setUp({}, true).step(['Local']), { method: 'OPTIONS' })).result, undefined);
  });
});

describe('a bearer token', () => {
  it('is what follows the scheme, in any case', () => {
    assert.equal(bearerToken('Bearer abc'), 'abc');
    assert.equal(bearerToken('bEARER   a.b-c'), 'a.b-c');
    for (const text of [
      undefined,
      '',
      'Bearer',
      'Bearer ',
      'Bearer a b',
      'Bearer a,b',
      'Basic abc',
      'Bearerabc',
      'Bearer\tabc',
    ])
      assert.equal(bearerToken(text), undefined, text);
  });
});

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => new Promise((resolve) => server.close(resolve)).then(() => server.closeAllConnections()));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('keys of a URL', () => {
  it('are fetched once, for an unknown key again after five seconds, and not while they are away', async (t) => {
    const issuer = createTestIssuer();
    const next = createTestIssuer();
    let keys: readonly object[] = issuer.jwks.keys;
    let fetches = 0;
    let isAway = false;
    const url = await serve(t, (_, response) => {
      fetches += 1;
      response.writeHead(isAway ? 503 : 200).end(JSON.stringify({ keys }));
    });
    const { step, provider, providers, clock, refused, problems } = setUp();
    const { issuer: iss, audience } = issuer;
    const config = { ...LOCAL, issuer: iss, audiences: [audience], algorithms: ['ES256'] };
    providers.set('Idp', provider('Idp', { ...config, keys: { kind: 'jwks', url } }));
    const authenticate = step(['Idp', 'Local']);
    const status = async (token: string) => (await run(authenticate, bearer(token))).result?.status;
    const fresh = { iat: undefined, exp: Math.floor(clock.now().getTime() / 1000) + 3_600 };

    assert.equal(await status(await issuer.sign(fresh)), undefined);
    assert.equal(await status(await issuer.sign({ ...fresh, sub: 'other' })), undefined);
    assert.equal(fetches, 1);
    keys = [...issuer.jwks.keys, ...next.jwks.keys];
    assert.equal(await status(await next.sign(fresh)), 401);
    assert.equal(fetches, 1);
    await clock.advance(5_000);
    assert.equal(await status(await next.sign(fresh)), undefined);
    assert.equal(fetches, 2);

    isAway = true;
    await clock.advance(5_000);
    const stranger = await createTestIssuer().sign(fresh);
    assert.equal(await status(stranger), 401);
    assert.equal(await status(sign({ exp: fresh.exp })), undefined);
    assert.ok(refused.includes('Idp:unavailable'));
    assert.deepEqual(problems, ['Idp']);
  });

  it('that were never had leave it open whether a token is good: 503, and 401 once they are there', async (t) => {
    const issuer = createTestIssuer();
    let isAway = true;
    const url = await serve(t, (_, response) => {
      response.writeHead(isAway ? 503 : 200).end(JSON.stringify(issuer.jwks));
    });
    const { step, provider, providers, clock } = setUp();
    const config = { ...LOCAL, issuer: issuer.issuer, audiences: [issuer.audience], algorithms: ['ES256'] };
    providers.set('Idp', provider('Idp', { ...config, keys: { kind: 'jwks', url } }));
    const authenticate = step(['Idp']);
    const status = async (token: string) => (await run(authenticate, bearer(token))).result?.status;
    const fresh = { iat: undefined, exp: Math.floor(clock.now().getTime() / 1000) + 10_000 };
    assert.equal(await status(await issuer.sign(fresh)), 503);
    assert.equal(await status('no token at all'), 401);
    isAway = false;
    await clock.advance(5_000);
    assert.equal(await status(await issuer.sign(fresh)), undefined);
    isAway = true;
    await clock.advance(5_000);
    assert.equal(await status(await createTestIssuer().sign(fresh)), 401);
  });

  it('must be JSON of a reasonable size, without redirects', async (t) => {
    const url = await serve(t, ({ url: path }, response) => {
      if (path === '/moved') response.writeHead(302, { location: '/' }).end();
      else if (path === '/large') response.end(`"${'x'.repeat(1024 * 1024)}"`);
      else response.end(path === '/' ? '{"keys":[]}' : 'not JSON');
    });
    const load = (path: string) => fetchJwks(url + path, AbortSignal.timeout(5_000));
    assert.deepEqual(await load('/'), { keys: [] });
    await assert.rejects(load('/text'), SyntaxError);
    await assert.rejects(load('/large'), /more than/);
    await assert.rejects(load('/moved'), TypeError);
  });
});
