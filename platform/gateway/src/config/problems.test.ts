import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertProblems, problemsOf, ROUTE, read, routeOf } from '../../test/config.ts';

describe('problems', () => {
  it('are reported all at once, with place and value', () => {
    const problems = problemsOf({
      Routes: [
        { UpstreamPathTemplate: 'orders', DownstreamPathTemplate: '', ServiceName: 'order' },
        { ...ROUTE, UpstreamPathTemplate: '/a//b', DownstreamHostAndPorts: [] },
        { ...ROUTE, UpstreamPathTemplate: '/{a}/{a}', DownstreamHostAndPorts: [{ Port: 99_999 }] },
        { ...ROUTE, RateLimitOptions: { Limit: 0, Period: 'soon' }, Timeout: 'long' },
        {
          ...ROUTE,
          UpstreamPathTemplate: '/x',
          AuthenticationOptions: { AuthenticationProviderKey: 'Bearrer' },
        },
        { ...ROUTE, UpstreamPathTemplate: '/y', AuthenticationOptions: { AllowedScopes: ['a'] } },
        { ...ROUTE, UpstreamPathTemplate: '/z', DownstreamPathTemplate: 'http://b/z' },
        { ...ROUTE, UpstreamPathTemplate: '/q', LoadBalancerOptions: { Type: 'RoundRobbin' } },
        { ...ROUTE, UpstreamPathTemplate: '/r', RateLimitOptions: { Limit: 1 } },
        {
          ...ROUTE,
          UpstreamPathTemplate: '/s',
          AddHeadersToRequest: { A: 'sub' },
          DelegatingHandlers: ['H'],
        },
        { ...ROUTE, UpstreamPathTemplate: '/t', DownstreamScheme: 'htps', routeiscasesensitive: 'yes' },
        {
          ...ROUTE,
          UpstreamPathTemplate: '/u',
          RateLimitOptions: { Limit: 1, Period: '1s', KeyBy: 'Claim:sub' },
        },
        {
          ...ROUTE,
          UpstreamPathTemplate: '/v',
          CorsOptions: { AllowedOrigins: ['*'], AllowCredentials: true },
        },
      ],
      GlobalConfiguration: {
        AuthenticationProviders: { Bearer: { Secret: 'short' } },
        SecurityOptions: { IPBlockedList: ['10.0.0.0/33'] },
        ServiceDiscoveryProvider: { Type: 'Zookeeper' },
        TrustedProxies: ['everyone'],
      },
    });
    assertProblems(problems, [
      /^Routes\[0\]\.UpstreamPathTemplate: Upstream Path Template orders doesnt start with forward slash$/,
      /^Routes\[0\]\.DownstreamPathTemplate: Downstream Path Template cannot be empty$/,
      /^Routes\[1\]\.UpstreamPathTemplate: .*contains double forward slash/,
      /^Routes\[1\]\.DownstreamHostAndPorts: When not using service discovery DownstreamHostAndPorts must be set/,
      /^Routes\[2\]\.UpstreamPathTemplate: UpstreamPathTemplate '\/\{a\}\/\{a\}' has duplicated placeholder$/,
      /^Routes\[2\]\.DownstreamHostAndPorts\[0\]\.Host: must be/,
      /^Routes\[2\]\.DownstreamHostAndPorts\[0\]\.Port: must be 0 to 65535, not 99999$/,
      /^Routes\[3\]\.RateLimitOptions\.Limit: RateLimitOptions\.Limit is negative or zero for the route \/o$/,
      /^Routes\[3\]\.RateLimitOptions\.Period: .*does not contain integer then ms/,
      /^Routes\[3\]\.Timeout: must be a whole number, not "long"$/,
      /^Routes\[4\]\..*Bearrer is unsupported authentication provider, did you mean Bearer\?$/,
      /^Routes\[5\]\.AuthenticationOptions\.AllowedScopes: needs/,
      /^Routes\[6\]\.DownstreamPathTemplate: .*contains scheme/,
      /^Routes\[7\]\.LoadBalancerOptions\.Type: .*did you mean RoundRobin\?/,
      /^Routes\[8\]\.RateLimitOptions\.Period: RateLimitOptions\.Period is empty$/,
      /^Routes\[9\]\.DelegatingHandlers: H is not registered/,
      /^Routes\[10\]\.DownstreamScheme: must be one of http, https, ws, wss \(did you mean https\?\), not "htps"$/,
      /^Routes\[10\]\.routeiscasesensitive: must be true or false, not "yes"$/,
      /^Routes\[11\]\.RateLimitOptions\.KeyBy: a claim needs an authenticated route/,
      /^Routes\[12\]\.CorsOptions\.AllowCredentials: is not possible/,
      /AuthenticationProviders\.Bearer\.Secret: must have at least 32 bytes$/,
      /SecurityOptions\.IPBlockedList: 10\.0\.0\.0\/33 is no address/,
      /ServiceDiscoveryProvider\.Type: Zookeeper is an unknown service discovery type/,
      /TrustedProxies: everyone is no address or CIDR/,
    ]);
  });

  it('are a service without discovery, which code may provide', () => {
    const input = { Routes: [{ ...ROUTE, DownstreamHostAndPorts: undefined, ServiceName: 'order' }] };
    assertProblems(problemsOf(input), [
      /ServiceName: order needs GlobalConfiguration\.ServiceDiscoveryProvider$/,
    ]);
    assert.deepEqual(problemsOf(input, { registered: { discovery: true } }), []);
  });

  it('are two routes for the same thing, but not for different methods, hosts or headers', () => {
    const get = { ...ROUTE, UpstreamHttpMethod: ['GET'] };
    assert.deepEqual(problemsOf({ Routes: [get, { ...get, UpstreamHttpMethod: ['post'] }] }), []);
    assert.deepEqual(problemsOf({ Routes: [get, { ...get, UpstreamHost: 'a.test' }] }), []);
    assert.deepEqual(problemsOf({ Routes: [get, { ...get, UpstreamHeaderTemplates: { a: 'b' } }] }), []);
    assert.deepEqual(problemsOf({ Routes: [get, get] }), ['route /o has duplicate']);
    assert.deepEqual(problemsOf({ Routes: [get, ROUTE] }), ['route /o has duplicate']);
  });

  it('are aggregates that name no routes, routes with a request id of their own, or what there is already', () => {
    const route = { ...ROUTE, UpstreamHttpMethod: ['GET'], Key: 'laura', RequestIdKey: 'X-Id' };
    const aggregate = { UpstreamPathTemplate: '/agg', RouteKeys: ['laura', 'lara'] };
    assertProblems(
      problemsOf({
        Routes: [route],
        Aggregates: [aggregate, aggregate, { ...aggregate, UpstreamPathTemplate: '/O' }],
      }),
      [
        /^Routes for aggregateRoute \/agg either do not exist or do not have correct ServiceName property: lara \(did you mean laura\?\)$/,
        /^aggregateRoute \/agg contains Route with specific RequestIdKey, this is not possible with Aggregates$/,
        /^aggregate \/agg has duplicate aggregate$/,
        /^route \/o has duplicate aggregate$/,
      ],
    );
  });

  it('are object values of header transforms, when strict', () => {
    const input = { Routes: [{ ...ROUTE, UpstreamHeaderTransform: { 'X-A': { Set: 'b' } } }] };
    assert.deepEqual(problemsOf(input), []);
    assertProblems(problemsOf(input, { strict: true }), [/UpstreamHeaderTransform: X-A: an object/]);
  });

  it('are the same key twice', () => {
    assertProblems(problemsOf('{"Routes": [], "routes": []}'), [/^routes: is there twice, also as Routes$/]);
  });

  it('are none for keys that are there without a value', () => {
    const route = {
      ...ROUTE,
      UpstreamHost: '',
      DownstreamScheme: '',
      DownstreamHttpMethod: null,
      DownstreamHttpVersion: '',
      ServiceName: '',
      RequestIdKey: '',
      Timeout: 0,
      AuthenticationOptions: {
        AuthenticationProviderKey: '',
        AuthenticationProviderKeys: [''],
        AllowedScopes: [],
      },
      RateLimitOptions: { EnableRateLimiting: false, Period: '', Limit: 0, ClientWhitelist: [] },
      FileCacheOptions: { TtlSeconds: 0, Region: '' },
      QoSOptions: { ExceptionsAllowedBeforeBreaking: 0, DurationOfBreak: 0, TimeoutValue: 0 },
      LoadBalancerOptions: { Type: '', Key: '', Expiry: 0 },
      HttpHandlerOptions: { MaxConnectionsPerServer: 0, PooledConnectionLifetimeSeconds: 0 },
      SecurityOptions: { IPAllowedList: [], IPBlockedList: [] },
    };
    const global = { ServiceDiscoveryProvider: { Host: '', Port: 0, Type: '', PollingInterval: 0 } };
    const config = read({ Routes: [route], GlobalConfiguration: global });
    assert.deepEqual(config.warnings, []);
    assert.equal(config.discovery, undefined);
    assert.deepEqual({ ...config.routes[0], key: 0 }, { ...routeOf({}), key: 0 });
  });

  it('are a file that is not JSON or no object', () => {
    assert.match(problemsOf('{"Routes": [')[0] ?? '', /^the file is not JSON: /);
    assert.match(problemsOf('[]')[0] ?? '', /must be an object/);
    assert.match(problemsOf('')[0] ?? '', /^the file is not JSON: /);
  });

  it('never show a secret', () => {
    const problems = problemsOf({
      GlobalConfiguration: { AuthenticationProviders: { A: { Secret: 123_456 } } },
    });
    assert.ok(problems.length > 0 && !problems.join().includes('123456'), problems.join());
  });
});
