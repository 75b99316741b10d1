import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isPlatformError } from '@flotilla/kernel';
import { parseGatewayConfig } from './parse-gateway-config.ts';

const HOSTS = [{ Host: 'order', Port: 80 }];
const ROUTE = { UpstreamPathTemplate: '/o', DownstreamPathTemplate: '/o', DownstreamHostAndPorts: HOSTS };

function problemsOf(input: unknown): readonly string[] {
  try {
    parseGatewayConfig(input);
    return [];
  } catch (error) {
    assert.ok(isPlatformError(error) && error.code === 'GATEWAY_CONFIG_INVALID');
    return error.details['problems'] as readonly string[];
  }
}

const GUIDE = `{
  "Routes": [
    {
      "DownstreamPathTemplate": "/api/orders/{everything}",
      "DownstreamScheme": "http",
      "DownstreamHostAndPorts": [{ "Host": "order-service", "Port": 80 }],
      "UpstreamPathTemplate": "/orders/{everything}",
      "UpstreamHttpMethod": [ "GET", "POST", "PUT", "DELETE" ],
      "AuthenticationOptions": { "AuthenticationProviderKey": "Bearer" },
      "RateLimitOptions": { "EnableRateLimiting": true, "Period": "1m", "Limit": 100 }
    },
    {
      "DownstreamPathTemplate": "/api/products/{everything}",
      "DownstreamScheme": "http",
      "DownstreamHostAndPorts": [{ "Host": "inventory-service", "Port": 80 }],
      "UpstreamPathTemplate": "/products/{everything}",
      "UpstreamHttpMethod": [ "GET", "POST", "PUT", "DELETE" ],
      "FileCacheOptions": { "TtlSeconds": 60 }
    }
  ],
  "GlobalConfiguration": {
    "BaseUrl": "https://api.example.com",
    "RateLimitOptions": { "DisableRateLimitHeaders": false, "QuotaExceededMessage": "Rate limit exceeded" }
  }
}`;

describe('gateway configuration', () => {
  it("reads the guide's file as it is", () => {
    const { routes, warnings } = parseGatewayConfig(GUIDE);
    const [orders, products] = routes;
    assert.deepEqual(warnings, []);
    assert.deepEqual(orders?.authentication, { allowedScopes: [] });
    assert.equal(orders?.rateLimit?.periodMs, 60_000);
    assert.equal(orders?.rateLimit?.message, 'Rate limit exceeded');
    assert.deepEqual(orders?.target, { kind: 'hosts', hosts: [{ host: 'order-service', port: 80 }] });
    assert.equal(products?.cache?.ttlMs, 60_000);
    assert.equal(products?.rateLimit, undefined, 'global details alone limit nothing');
    assert.equal(products?.timeoutMs, 90_000);
    assert.equal(products?.maxBodyBytes, 30_000_000);
  });

  it('takes keys in any case, and numbers and booleans as strings', () => {
    const { routes } = parseGatewayConfig({
      routes: [
        {
          upstreampathtemplate: '/o',
          DOWNSTREAMPATHTEMPLATE: '/o',
          DownstreamHostAndPorts: [{ host: 'order', port: '8080' }],
          RateLimitOptions: { EnableRateLimiting: 'true', Limit: '5', Period: '1.5s' },
        },
      ],
    });
    assert.deepEqual(routes[0]?.target, { kind: 'hosts', hosts: [{ host: 'order', port: 8080 }] });
    assert.equal(routes[0]?.rateLimit?.periodMs, 1_500);
  });

  it('accepts no routes at all', () => {
    assert.deepEqual(parseGatewayConfig({}).routes, []);
  });

  it('reports every problem at once, with its place', () => {
    const problems = problemsOf({
      Routes: [
        { UpstreamPathTemplate: 'orders', DownstreamPathTemplate: '', ServiceName: 'order' },
        { ...ROUTE, UpstreamPathTemplate: '/a//b', DownstreamHostAndPorts: [] },
        { ...ROUTE, UpstreamPathTemplate: '/{a}/{a}', DownstreamHostAndPorts: [{ Port: 99_999 }] },
        { ...ROUTE, RateLimitOptions: { Limit: 0, Period: 'soon' }, Timeout: 'long' },
        {
          ...ROUTE,
          UpstreamPathTemplate: '/x',
          AuthenticationOptions: { AuthenticationProviderKey: 'Magic' },
        },
        { ...ROUTE, UpstreamPathTemplate: '/y', AuthenticationOptions: { AllowedScopes: ['a'] } },
      ],
    });
    for (const expected of [
      /^Routes\[0\]\.UpstreamPathTemplate: Upstream Path Template orders doesnt start with forward slash$/,
      /^Routes\[0\]\.DownstreamPathTemplate: Downstream Path Template cannot be empty$/,
      /^Routes\[1\]\.UpstreamPathTemplate: .*contains double forward slash/,
      /^Routes\[1\]\.DownstreamHostAndPorts: When not using service discovery DownstreamHostAndPorts must be set/,
      /^Routes\[2\]\.UpstreamPathTemplate: UpstreamPathTemplate '\/\{a\}\/\{a\}' has duplicated placeholder$/,
      /^Routes\[2\]\.DownstreamHostAndPorts\[0\]\.Host: must be/,
      /^Routes\[2\]\.DownstreamHostAndPorts\[0\]\.Port: must be/,
      /^Routes\[3\]\.RateLimitOptions\.Limit: RateLimitOptions\.Limit is negative or zero for the route \/o$/,
      /^Routes\[3\]\.RateLimitOptions\.Period: .*does not contain integer then ms/,
      /^Routes\[3\]\.Timeout: must be a whole number$/,
      /^Routes\[4\]\..*Magic is unsupported authentication provider/,
      /^Routes\[5\]\.AuthenticationOptions\.AllowedScopes: needs/,
    ])
      assert.ok(
        problems.some((problem) => expected.test(problem)),
        `${expected} in\n${problems.join('\n')}`,
      );
  });

  it('refuses two routes for the same thing, but not for different methods or hosts', () => {
    const get = { ...ROUTE, UpstreamHttpMethod: ['GET'] };
    assert.deepEqual(problemsOf({ Routes: [get, { ...get, UpstreamHttpMethod: ['post'] }] }), []);
    assert.deepEqual(problemsOf({ Routes: [get, { ...get, UpstreamHost: 'a.test' }] }), []);
    assert.deepEqual(problemsOf({ Routes: [get, get] }), ['route /o has duplicate']);
    assert.deepEqual(problemsOf({ Routes: [get, ROUTE] }), ['route /o has duplicate']);
  });

  it('warns of unknown keys and says what may have been meant', () => {
    const { warnings } = parseGatewayConfig({ Routes: [{ ...ROUTE, RateLimitOption: {}, Zzz: 1 }] });
    assert.deepEqual(warnings, [
      'Routes[0].RateLimitOption: unknown key, did you mean RateLimitOptions?',
      'Routes[0].Zzz: unknown key, ignored',
    ]);
  });

  it('refuses what it does not act on yet, instead of leaving a route unprotected', () => {
    assert.deepEqual(problemsOf({ Routes: [{ ...ROUTE, RouteClaimsRequirement: { role: 'admin' } }] }), [
      'Routes[0].RouteClaimsRequirement: is not supported by this version of the gateway',
    ]);
    assert.equal(problemsOf({ GlobalConfiguration: { SecurityOptions: {} } }).length, 1);
  });

  it('says what is wrong with a file that is not JSON or no object', () => {
    assert.match(problemsOf('{"Routes": [')[0] ?? '', /^the file is not JSON: /);
    assert.match(problemsOf('[]')[0] ?? '', /must be an object/);
  });

  it('gives global options to the routes that RouteKeys name, fields of the route first', () => {
    const { routes } = parseGatewayConfig({
      Routes: [
        { ...ROUTE, UpstreamPathTemplate: '/a', Key: 'a', RateLimitOptions: { Limit: 9 } },
        { ...ROUTE, UpstreamPathTemplate: '/b', Key: 'b' },
        { ...ROUTE, UpstreamPathTemplate: '/c', Key: 'c', RateLimitOptions: { EnableRateLimiting: false } },
        { ...ROUTE, UpstreamPathTemplate: '/d' },
      ],
      GlobalConfiguration: { RateLimitOptions: { RouteKeys: ['a', 'b', 'c'], Limit: 5, Period: '1m' } },
    });
    assert.deepEqual(
      routes.map(({ rateLimit }) => rateLimit?.limit),
      [9, 5, undefined, undefined],
    );
  });
});
