import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { createTestBed, routeTo } from '../../../test/gateway.ts';

const bed = createTestBed();
afterEach(() => bed.close());

const ORIGIN = 'https://shop.test';
const PREFLIGHT = { origin: ORIGIN, 'access-control-request-method': 'PUT' };
const CorsOptions = { AllowedOrigins: [ORIGIN], AllowedHeaders: ['Content-Type'] };

describe('a page of an allowed origin', () => {
  it('may read why the gateway refuses it, whatever refuses', async () => {
    const port = await bed.backend((_, response) => response.end('ok'));
    const limit = { RateLimitOptions: { Limit: 1, Period: '1h', KeyBy: 'Route' } };
    for (const [keys, global, status] of [
      [{ AuthenticationOptions: { AuthenticationProviderKey: 'Bearer' } }, {}, 401],
      [{ SecurityOptions: { IPBlockedList: ['127.0.0.1'] } }, {}, 403],
      [{ MaxRequestBodySize: 1 }, {}, 413],
      [limit, {}, 429],
      [{ DownstreamHostAndPorts: [{ Host: '127.0.0.1', Port: 1 }] }, {}, 502],
      [{}, { OverloadOptions: { MaxRequestsInFlight: 1 }, LoadPriority: 'Low' }, 503],
    ] as const) {
      const gateway = await bed.start({
        Routes: [routeTo(port, '/x', { CorsOptions, ...keys })],
        GlobalConfiguration: global,
      });
      const ask = () =>
        fetch(`${gateway.url}/x`, { method: 'POST', body: 'body', headers: { origin: ORIGIN } });
      const answers = await Promise.all([ask(), ask(), ask(), ask()]);
      const refused = answers.find((answer) => answer.status === status);
      assert.ok(refused, `${status} of ${answers.map((answer) => answer.status)}`);
      assert.equal(refused.headers.get('access-control-allow-origin'), ORIGIN, String(status));
      const preflight = await fetch(`${gateway.url}/x`, { method: 'OPTIONS', headers: PREFLIGHT });
      assert.equal(preflight.status, 204, `the page would not learn of ${status}`);
    }
  });

  it('may read why its path is refused', async () => {
    const port = await bed.backend((_, response) => response.end('{}'));
    const { url } = await bed.start({
      Routes: [
        routeTo(port, '/files/{name}', { Key: 'a', CorsOptions }),
        routeTo(port, '/b', { Key: 'b', CorsOptions }),
        routeTo(port, '/x', { CorsOptions }),
        routeTo(port, '/{all}', { Priority: 0 }),
      ],
      Aggregates: [{ UpstreamPathTemplate: '/all/{name}', RouteKeys: ['a', 'b'] }],
    });
    for (const path of ['/files/a%2Fb', '/all/a%2Fb', '/x;a']) {
      const refused = await fetch(url + path, { headers: { origin: ORIGIN } });
      const allowed = refused.headers.get('access-control-allow-origin');
      assert.deepEqual([refused.status, allowed], [400, path === '/x;a' ? null : ORIGIN], path);
    }
    const preflight = await fetch(`${url}/files/a%2Fb`, { method: 'OPTIONS', headers: PREFLIGHT });
    assert.equal(preflight.status, 204);
  });

  it('may read an answer made of several, and why there is none, when it may read each of them', async () => {
    const port = await bed.backend((_, response) => response.end('{}'));
    const part = (Key: string, more: object = {}) => routeTo(port, `/${Key}`, { Key, ...more });
    const AuthenticationOptions = { AuthenticationProviderKey: 'Bearer' };
    const { url } = await bed.start({
      Routes: [
        part('a', { CorsOptions }),
        part('b', { CorsOptions }),
        part('closed', { CorsOptions, AuthenticationOptions }),
        part('silent'),
        part('other', { CorsOptions: { AllowedOrigins: ['https://other.test'] } }),
      ],
      Aggregates: [
        { UpstreamPathTemplate: '/whole', RouteKeys: ['a', 'b'] },
        { UpstreamPathTemplate: '/refused', RouteKeys: ['a', 'closed'] },
        { UpstreamPathTemplate: '/half', RouteKeys: ['a', 'silent'] },
        { UpstreamPathTemplate: '/others', RouteKeys: ['a', 'other'] },
      ],
    });
    for (const [path, status, allowed, vary] of [
      ['/whole', 200, ORIGIN, 'origin'],
      ['/refused', 401, ORIGIN, 'origin'],
      ['/half', 200, null, null],
      ['/others', 200, null, 'origin'],
    ] as const) {
      const { status: seen, headers } = await fetch(url + path, { headers: { origin: ORIGIN } });
      const told = [seen, headers.get('access-control-allow-origin'), headers.get('vary')];
      assert.deepEqual(told, [status, allowed, vary], path);
    }
  });

  it('may do with an answer made of several what it may with each of them', async () => {
    const port = await bed.backend((_, response) => response.end('{}'));
    const part = (Key: string, more: object) =>
      routeTo(port, `/${Key}`, { Key, CorsOptions: { ...CorsOptions, ...more } });
    const { url } = await bed.start({
      Routes: [
        part('a', { AllowedMethods: ['GET', 'PUT'], AllowedHeaders: ['X-A', 'x-b'], MaxAge: 60 }),
        part('b', { AllowedMethods: ['*'], AllowedHeaders: ['X-B'], MaxAge: 600 }),
        routeTo(port, '/silent', { Key: 'silent' }),
        routeTo(port, '/{all}'),
      ],
      Aggregates: [
        { UpstreamPathTemplate: '/whole', RouteKeys: ['a', 'b'], UpstreamHttpMethod: ['Put'] },
        { UpstreamPathTemplate: '/half', RouteKeys: ['a', 'silent'] },
      ],
    });
    const { status, headers } = await fetch(`${url}/whole`, { method: 'OPTIONS', headers: PREFLIGHT });
    const told = [...headers].filter(([name]) => name.startsWith('access-control-'));
    assert.equal(status, 204);
    assert.deepEqual(Object.fromEntries(told), {
      'access-control-allow-origin': ORIGIN,
      'access-control-allow-methods': 'GET, PUT',
      'access-control-allow-headers': 'x-b',
      'access-control-max-age': '60',
    });
    // Where one part says nothing, it is as ever for the route that takes OPTIONS.
    assert.equal((await fetch(`${url}/half`, { method: 'OPTIONS', headers: PREFLIGHT })).status, 200);
  });

  it('is told what it may do by the route of the request that follows, which need not name OPTIONS', async () => {
    const port = await bed.backend((_, response) => response.writeHead(418).end());
    const { url } = await bed.start({
      Routes: [
        routeTo(port, '/x', { UpstreamHttpMethod: ['Get'] }),
        routeTo(port, '/x', { UpstreamHttpMethod: ['Put'], CorsOptions }),
        routeTo(port, '/{everything}'),
      ],
    });
    const preflight = (method: string) =>
      fetch(`${url}/x`, {
        method: 'OPTIONS',
        headers: { origin: ORIGIN, 'access-control-request-method': method },
      });
    const allowed = await preflight('PUT');
    assert.equal(allowed.status, 204);
    assert.equal(allowed.headers.get('access-control-allow-methods'), 'PUT');
    assert.equal(allowed.headers.get('access-control-allow-origin'), ORIGIN);
    // Routes without CORS leave it to their back ends, as before.
    assert.equal((await preflight('GET')).status, 418);
    assert.equal((await preflight('NONE')).status, 418);
  });
});
