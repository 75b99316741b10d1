import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { createTestBed, routeTo } from '../../../test/gateway.ts';

const bed = createTestBed();
afterEach(() => bed.close());

const ORIGIN = 'https://shop.test';
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
    }
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
    for (const [path, status, allowed] of [
      ['/whole', 200, ORIGIN],
      ['/refused', 401, ORIGIN],
      ['/half', 200, null],
      ['/others', 200, null],
    ] as const) {
      const answer = await fetch(url + path, { headers: { origin: ORIGIN } });
      assert.deepEqual(
        [answer.status, answer.headers.get('access-control-allow-origin')],
        [status, allowed],
        path,
      );
      assert.equal(answer.headers.get('vary'), 'origin');
    }
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
