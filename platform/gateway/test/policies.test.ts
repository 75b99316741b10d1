import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { PlatformError } from '@flotilla/kernel';
import { createManualClock } from '@flotilla/kernel/testing';
import { createTestBed, routeTo, type TestGatewayOptions } from './gateway.ts';

const bed = createTestBed();
afterEach(() => bed.close());

const BEARER = { AuthenticationOptions: { AuthenticationProviderKey: 'Bearer' } };

async function echo() {
  let requests = 0;
  const port = await bed.backend((_request, response) => {
    requests += 1;
    response.end(String(requests));
  });
  return { port, requests: () => requests };
}

describe('authentication', () => {
  it('lets valid tokens pass and answers 401 with a challenge to all others', async () => {
    const { port, requests } = await echo();
    const url = await bed.gateway({ Routes: [routeTo(port, '/x', BEARER)] });
    const token = await bed.issuer.sign();
    const ask = (authorization?: string) =>
      fetch(`${url}/x`, authorization === undefined ? {} : { headers: { authorization } });
    assert.equal((await ask(`Bearer ${token}`)).status, 200);
    assert.equal((await ask(`bearer ${token}`)).status, 200);
    for (const value of [
      undefined,
      '',
      'Bearer',
      'Bearer ',
      `Basic ${token}`,
      `Bearer ${token}x`,
      `Bearer ${token}, Bearer ${token}`,
    ]) {
      const response = await ask(value);
      assert.equal(response.status, 401, value);
      assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer/);
      assert.equal(((await response.json()) as { code: string }).code, 'unauthorized');
    }
    assert.equal(requests(), 2);
    assert.match(
      bed.metrics.render(),
      /gateway_invalid_tokens_total\{provider="Bearer",reason="[a-z-]+"\} \d/,
    );
  });

  it('refuses expired tokens and never says why', async () => {
    const { port } = await echo();
    const url = await bed.gateway({ Routes: [routeTo(port, '/x', BEARER)] });
    const token = await bed.issuer.sign({ exp: 1_000 });
    const response = await fetch(`${url}/x`, { headers: { authorization: `Bearer ${token}` } });
    assert.equal(response.status, 401);
    assert.doesNotMatch(await response.text(), /expired|exp/);
  });

  it('needs one of the allowed scopes, else 403', async () => {
    const { port } = await echo();
    const options = { ...BEARER.AuthenticationOptions, AllowedScopes: ['orders.read', 'orders.write'] };
    const url = await bed.gateway({ Routes: [routeTo(port, '/x', { AuthenticationOptions: options })] });
    const ask = async (scope: string) => {
      const authorization = `Bearer ${await bed.issuer.sign({ scope })}`;
      return fetch(`${url}/x`, { headers: { authorization } });
    };
    assert.equal((await ask('a orders.read')).status, 200);
    const refused = await ask('orders.readonly');
    assert.equal(refused.status, 403);
    assert.equal(((await refused.json()) as { code: string }).code, 'forbidden');
  });

  it('gives claims to the back end as one parameter each, encoded once, in place of the client’s', async () => {
    const port = await bed.backend((request, response) => response.end(request.url));
    const more = { ...BEARER, AddQueriesToRequest: { who: 'Claims[sub] > value' } };
    const url = await bed.gateway({ Routes: [routeTo(port, '/x', more)] });
    const authorization = `Bearer ${await bed.issuer.sign({ sub: 'a b&c=ü' })}`;
    const response = await fetch(`${url}/x?who=me&y=%20`, { headers: { authorization } });
    assert.equal(await response.text(), '/x?y=%20&who=a%20b%26c%3D%C3%BC');
  });

  it('lets a CORS preflight pass, but no other OPTIONS', async () => {
    const { port } = await echo();
    const url = await bed.gateway({ Routes: [routeTo(port, '/x', BEARER)] });
    const preflight = { origin: 'http://a', 'access-control-request-method': 'GET' };
    assert.equal((await fetch(`${url}/x`, { method: 'OPTIONS', headers: preflight })).status, 200);
    assert.equal((await fetch(`${url}/x`, { method: 'OPTIONS' })).status, 401);
  });

  it('answers 503 while the keys cannot be loaded', async () => {
    const { port } = await echo();
    const verify = () =>
      Promise.reject(new PlatformError('AUTH_KEYS_UNAVAILABLE', 'no keys', { retryable: true }));
    const { url } = await gatewayWith(routeTo(port, '/x', BEARER), { verifiers: { Bearer: verify } });
    const response = await fetch(`${url}/x`, { headers: { authorization: 'Bearer a.b.c' } });
    assert.equal(response.status, 503);
    assert.equal(response.headers.get('retry-after'), '1');
  });
});

async function gatewayWith(route: object, more: TestGatewayOptions = {}) {
  const clock = createManualClock();
  const { url } = await bed.start({ Routes: [route] }, { clock, ...more });
  return { clock, url };
}

describe('rate limits', () => {
  const LIMIT = { Period: '10s', Limit: 2 };

  it('admit the limit, tell the budget, then answer 429 until the period is over', async () => {
    const { port, requests } = await echo();
    const { url, clock } = await gatewayWith(routeTo(port, '/x/{rest}', { RateLimitOptions: LIMIT }));
    const first = await fetch(`${url}/x/a`);
    assert.equal(first.headers.get('ratelimit-limit'), '2');
    assert.equal(first.headers.get('ratelimit-remaining'), '1');
    assert.equal(first.headers.get('ratelimit-reset'), '10');
    assert.equal(first.headers.get('x-ratelimit-remaining'), '1');
    await fetch(`${url}/x/b`, { method: 'POST' });
    await clock.advance(3_500);
    const refused = await fetch(`${url}/x/c`);
    assert.equal(refused.status, 429);
    assert.equal(refused.headers.get('retry-after'), '7');
    assert.equal(refused.headers.get('ratelimit-remaining'), '0');
    assert.equal(refused.headers.get('x-ratelimit-limit'), null);
    assert.equal(await refused.text(), 'API calls quota exceeded! Maximum admitted 2 per 10s.');
    assert.equal(requests(), 2);
    await clock.advance(6_500);
    assert.equal((await fetch(`${url}/x/c`)).status, 200);
  });

  it('keep refusing for the wait after a rejection, then begin anew', async () => {
    const { port } = await echo();
    const rule = { ...LIMIT, Period: '1s', Limit: 1, PeriodTimespan: 5 };
    const { url, clock } = await gatewayWith(routeTo(port, '/x', { RateLimitOptions: rule }));
    const statusAfter = async (ms: number) => {
      await clock.advance(ms);
      return (await fetch(`${url}/x`)).status;
    };
    assert.deepEqual(
      [await statusAfter(0), await statusAfter(0), await statusAfter(4_000), await statusAfter(1_000)],
      [200, 429, 429, 200],
    );
  });

  it('belong to the client header or address, or after authentication to the subject', async () => {
    const { port } = await echo();
    const { url } = await gatewayWith(routeTo(port, '/x', { RateLimitOptions: { ...LIMIT, Limit: 1 } }));
    const status = async (headers: Record<string, string>) => (await fetch(`${url}/x`, { headers })).status;
    assert.deepEqual(
      [
        await status({ 'oc-client': 'a' }),
        await status({ 'oc-client': 'b' }),
        await status({ 'oc-client': 'a' }),
      ],
      [200, 200, 429],
    );
    assert.deepEqual([await status({}), await status({ 'user-agent': 'x' })], [200, 429]);

    const own = { ...LIMIT, Limit: 1, ClientIdClaim: 'sub', QuotaFormat: 'problem' };
    const subjects = await gatewayWith(routeTo(port, '/y', { ...BEARER, RateLimitOptions: own }));
    const as = async (sub: string) => {
      const authorization = `Bearer ${await bed.issuer.sign({ sub })}`;
      return fetch(`${subjects.url}/y`, { headers: { authorization, 'oc-client': String(Math.random()) } });
    };
    assert.equal((await as('alice')).status, 200);
    assert.equal((await as('bob')).status, 200);
    const refused = await as('alice');
    assert.equal(refused.status, 429);
    assert.equal(((await refused.json()) as { code: string }).code, 'rate-limited');
    assert.equal((await fetch(`${subjects.url}/y`)).status, 401, 'strangers spend nobody’s budget');
    assert.equal((await as('carol')).status, 200);
  });
});

describe('the cache', () => {
  async function cached(respond: (path: string) => Record<string, string>, status = 200) {
    let requests = 0;
    const port = await bed.backend((request, response) => {
      requests += 1;
      response.writeHead(status, respond(request.url ?? ''));
      response.end(`${request.url} ${requests}`);
    });
    const route = routeTo(port, '/c/{rest}', { FileCacheOptions: { TtlSeconds: 60 } });
    const { url, clock } = await gatewayWith(route);
    const ask = (path: string, init: RequestInit = {}) => fetch(`${url}/c/${path}`, init);
    /** Is the second of two requests answered from the cache? */
    const hits = async (path: string, init: RequestInit = {}, second: RequestInit = init) => {
      const before = requests;
      await (await ask(path, init)).text();
      await (await ask(path, second)).text();
      return requests - before === 1;
    };
    return { ask, hits, clock, requests: () => requests };
  }

  it('answers again without the back end, with the age and its own request id, until the time is over', async () => {
    const { ask, clock, requests } = await cached(() => ({ 'content-type': 'text/x', etag: '"1"' }));
    const first = await ask('a?x=1');
    await clock.advance(20_000);
    const second = await ask('a?x=1');
    assert.equal(await second.text(), await first.text());
    assert.equal(second.headers.get('age'), '20');
    assert.equal(second.headers.get('etag'), '"1"');
    assert.notEqual(second.headers.get('x-request-id'), first.headers.get('x-request-id'));
    await clock.advance(40_000);
    await ask('a?x=1');
    assert.equal(requests(), 2);
  });

  it('keeps method, path and query apart', async () => {
    const { ask, requests } = await cached(() => ({}));
    for (const path of ['a', 'A', 'a?x=1', 'a?x=2', 'a/']) await ask(path);
    await ask('a', { method: 'HEAD' });
    await ask('a', { method: 'POST' });
    await ask('a', { method: 'POST' });
    assert.equal(requests(), 8);
  });

  it('stores nothing private, no errors and nothing for requests with credentials', async () => {
    const { hits } = await cached((path) => {
      const control = decodeURIComponent(path.split('cc=')[1] ?? '');
      return control === 'cookie' ? { 'set-cookie': 'a=1' } : { 'cache-control': control };
    });
    for (const control of [
      'no-store',
      'private',
      'No-Cache="x"',
      'public, max-age=0',
      's-maxage=0',
      'cookie',
    ])
      assert.equal(await hits(`${control.length}?cc=${encodeURIComponent(control)}`), false, control);
    for (const control of ['', 'public, max-age=600', 'max-age=05'])
      assert.equal(await hits(`ok?cc=${encodeURIComponent(control)}`), true, control);
    for (const name of ['authorization', 'cookie', 'range', 'if-none-match'])
      assert.equal(await hits(`h-${name}?cc=`, { headers: { [name]: 'x' } }), false, name);
    const failing = await cached(() => ({}), 404);
    assert.equal(await failing.hits('a'), false);
  });

  it('never gives one user what was fetched for another', async () => {
    const { hits } = await cached(() => ({}));
    assert.equal(await hits('a', { headers: { authorization: 'Bearer alice' } }, {}), false);
  });

  it('keeps variants apart and does not store what varies by everything', async () => {
    const { ask, hits, requests } = await cached((path) => ({
      vary: path.includes('all') ? '*' : 'Accept-Language',
    }));
    const language = (name: string) => ({ headers: { 'accept-language': name } });
    for (const name of ['de', 'en', 'de', 'en']) await ask('v', language(name));
    assert.equal(requests(), 2);
    assert.equal(await hits('all'), false);
  });
});
