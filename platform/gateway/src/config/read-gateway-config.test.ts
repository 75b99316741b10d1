import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isPlatformError } from '@flotilla/kernel';
import type { GatewayConfig, RouteConfig } from './model.ts';
import { type ReadOptions, readGatewayConfig } from './read-gateway-config.ts';

const HOSTS = [{ Host: 'order', Port: 80 }];
const ROUTE = { UpstreamPathTemplate: '/o', DownstreamPathTemplate: '/o', DownstreamHostAndPorts: HOSTS };
const PROVIDERS = { Bearer: { Secret: 'x'.repeat(32) } };
const BEARER = { AuthenticationProviderKeys: ['Bearer'] };

function read(input: unknown, options: ReadOptions = {}): GatewayConfig {
  return readGatewayConfig(typeof input === 'string' ? input : JSON.stringify(input), options);
}

function problemsOf(input: unknown, options: ReadOptions = {}): readonly string[] {
  return problemsFrom(() => read(input, options));
}

function problemsFrom(attempt: () => unknown): readonly string[] {
  try {
    attempt();
    return [];
  } catch (error) {
    assert.ok(isPlatformError(error) && error.code === 'GATEWAY_CONFIG_INVALID', String(error));
    return error.details['problems'] as readonly string[];
  }
}

/** The one route that these keys make. */
function routeOf(keys: object, global: object = {}, options: ReadOptions = {}): RouteConfig {
  const { routes } = read({ Routes: [{ ...ROUTE, ...keys }], GlobalConfiguration: global }, options);
  const [route] = routes;
  assert.ok(route !== undefined);
  return route;
}

function assertProblems(problems: readonly string[], expected: readonly RegExp[]): void {
  for (const one of expected)
    assert.ok(
      problems.some((problem) => one.test(problem)),
      `${one} in\n${problems.join('\n')}`,
    );
}

describe('reading', () => {
  it("reads the guide's file as it is", () => {
    const { routes, warnings } = read(
      `{
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
    }`,
      { registered: { providers: ['Bearer'] } },
    );
    const [orders, products] = routes;
    assert.deepEqual(warnings, []);
    assert.deepEqual(orders?.authentication, { providers: ['Bearer'], allowedScopes: [] });
    assert.equal(orders?.rateLimit?.periodMs, 60_000);
    assert.equal(orders?.rateLimit?.message, 'Rate limit exceeded');
    assert.equal(orders?.rateLimit?.headers, true);
    assert.deepEqual(orders?.target, {
      kind: 'hosts',
      hosts: [{ host: 'order-service', port: 80, weight: 1, zone: undefined }],
    });
    assert.equal(products?.cache?.ttlMs, 60_000);
    assert.equal(products?.rateLimit, undefined, 'global details alone limit nothing');
    assert.equal(products?.timeoutMs, 90_000);
    assert.equal(products?.maxBodyBytes, 30_000_000);
  });

  it('takes keys in any case, and numbers and booleans as strings', () => {
    const { routes, warnings } = read({
      routes: [
        {
          upstreampathtemplate: '/o',
          DOWNSTREAMPATHTEMPLATE: '/o',
          DownstreamHostAndPorts: [{ host: 'order', port: '8080' }],
          RateLimitOptions: { EnableRateLimiting: 'true', Limit: '5', Period: '1.5s' },
        },
      ],
    });
    assert.deepEqual(warnings, []);
    const [route] = routes;
    assert.equal(route?.target.kind === 'hosts' && route.target.hosts[0]?.port, 8080);
    assert.equal(routes[0]?.rateLimit?.periodMs, 1_500);
  });

  it('takes comments, commas before closing brackets and a byte order mark, but not in strings', () => {
    const { routes } = read(`\uFEFF{ // files of .NET have these
      "Routes": [ /* none: "x", ] */ {
        "UpstreamPathTemplate": "/a,]/*b*/", // and this: {
        "DownstreamPathTemplate": "/,}", "DownstreamHostAndPorts": [{ "Host": "h", }], /* , */
      } ],
    }`);
    assert.equal(routes[0]?.name, '/a,]/*b*/');
    assert.equal(routes[0]?.downstreamTemplate, '/,}');
  });

  it('accepts no routes at all', () => {
    assert.deepEqual(read({}).routes, []);
  });

  it('gives global options to the routes that RouteKeys name, fields of the route first', () => {
    const { routes } = read({
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

  it('lets the older name win', () => {
    const route = routeOf({
      FileCacheOptions: { TtlSeconds: 1 },
      CacheOptions: { TtlSeconds: 2 },
      RateLimitOptions: {
        Limit: 1,
        Period: '1s',
        StatusCode: 429,
        HttpStatusCode: 418,
        QuotaMessage: 'new',
        QuotaExceededMessage: 'old {0} {1}',
        Wait: '9s',
        PeriodTimespan: 1,
        EnableHeaders: true,
        DisableRateLimitHeaders: true,
      },
      QoSOptions: {
        MinimumThroughput: 9,
        ExceptionsAllowedBeforeBreaking: 3,
        DurationOfBreak: 1000,
        TimeoutValue: 50,
      },
    });
    assert.equal(route.cache?.ttlMs, 1_000);
    const { status, message, waitMs, wait, headers } = route.rateLimit ?? {};
    assert.deepEqual([status, message, waitMs, wait, headers], [418, 'old 1 1s', 1_000, '1s', false]);
    assert.equal(route.breaker?.minimumThroughput, 3);
    assert.equal(route.breaker?.breakMs, 1_000);
    assert.deepEqual([route.timeoutMs, route.qosTimeout], [50, true]);
  });

  it('replaces values of QoSOptions that are out of range, and says so', () => {
    const { routes, warnings } = read({
      Routes: [
        {
          ...ROUTE,
          QoSOptions: {
            MinimumThroughput: 1,
            BreakDuration: 1,
            FailureRatio: 2,
            SamplingDuration: 1,
            Timeout: 5,
          },
        },
      ],
    });
    assert.deepEqual(routes[0]?.breaker, {
      route: '/o',
      minimumThroughput: 100,
      breakMs: 5_000,
      failureRatio: 0.5,
      samplingMs: 10_000,
    });
    assert.equal(routes[0]?.timeoutMs, 30_000);
    assert.equal(warnings.length, 5);
    assert.equal(routeOf({ QoSOptions: {} }).breaker, undefined);
    assert.equal(routeOf({ QoSOptions: { MinimumThroughput: 2 } }).breaker?.failureRatio, undefined);
  });

  it('takes the timeout of the route, of the global options, or 90 seconds', () => {
    assert.equal(routeOf({ Timeout: 5 }, { Timeout: 7 }).timeoutMs, 5_000);
    assert.equal(routeOf({ Timeout: 0 }, { Timeout: 7 }).timeoutMs, 7_000);
    assert.equal(routeOf({ Timeout: -1 }, { Timeout: -1 }).timeoutMs, 90_000);
    const both = routeOf({ Timeout: 1, QoSOptions: { Timeout: 60_000 } });
    assert.deepEqual([both.timeoutMs, both.qosTimeout], [60_000, true]);
  });

  it('reads header transforms, the entry of the route over the global one, replacements first', () => {
    const { transforms } = routeOf(
      { UpstreamHeaderTransform: { 'X-A': 'route', 'X-B': 'find, put,ignored', 'X-C': { Append: 'a, b' } } },
      { UpstreamHeaderTransform: { 'x-a': 'global', 'X-D': { Remove: true } } },
    );
    assert.deepEqual(transforms.request, [
      { kind: 'replace', header: 'X-B', find: 'find', replacement: 'put' },
      { kind: 'add', header: 'X-A', value: 'route' },
      { kind: 'remove', header: 'X-D' },
      { kind: 'append', header: 'X-C', value: 'a, b' },
    ]);
  });

  it('reads claims and knows which headers only the gateway may set', () => {
    const { routes, identityFields } = read({
      Routes: [
        {
          ...ROUTE,
          AuthenticationOptions: BEARER,
          AddHeadersToRequest: { 'X-Customer': 'Claims[sub] > value[1] > |' },
          AddClaimsToRequest: { kind: 'Claims[http://x/role] > value' },
          RouteClaimsRequirement: { level: 3 },
        },
      ],
      GlobalConfiguration: { AuthenticationProviders: PROVIDERS },
    });
    const claims = routes[0]?.claims;
    assert.deepEqual(claims?.toHeaders.get('X-Customer'), {
      claim: 'sub',
      part: { index: 1, delimiter: '|' },
    });
    assert.deepEqual(claims?.toClaims.get('kind'), { claim: 'http://x/role', part: undefined });
    assert.deepEqual(claims?.required, new Map([['level', '3']]));
    assert.deepEqual(identityFields, new Set(['x-customer']));
  });

  it("uses a route's own address lists entirely, else the global ones", () => {
    const global = { SecurityOptions: { IPBlockedList: ['10.0.0.0/8'] } };
    const own = { SecurityOptions: { IPAllowedList: ['127.0.0.30-50', '::1', '10.0.0.0/255.0.0.0'] } };
    assert.deepEqual(routeOf(own, global).ipRules?.blocked, []);
    assert.deepEqual(routeOf({ SecurityOptions: {} }, global).ipRules?.blocked, ['10.0.0.0/8']);
    assert.equal(routeOf({}).ipRules, undefined);
  });

  it('speaks HTTP/2 to back ends only where that can be meant', () => {
    const protocol = (keys: object) => routeOf(keys).downstreamProtocol;
    assert.equal(protocol({ DownstreamHttpVersion: '2.0' }), '1.1', 'or lower, and nothing negotiates');
    assert.equal(protocol({ DownstreamHttpVersion: '2,0', DownstreamScheme: 'https' }), '2');
    assert.equal(
      protocol({ DownstreamHttpVersion: '2', DownstreamHttpVersionPolicy: 'RequestVersionExact' }),
      '2',
    );
    assert.equal(protocol({ DownstreamHttpVersion: '9.9' }), '1.1');
  });

  it('has defaults for everything that a route leaves out', () => {
    const route = routeOf({});
    assert.deepEqual(route.health, {
      active: undefined,
      passive: { consecutiveFailures: 5, ejectionMs: 10_000, maxEjectedPercent: 50 },
    });
    assert.deepEqual(route.retry, { retries: 1, budgetPercent: 20, statuses: [] });
    assert.deepEqual(route.balancer, { type: 'NoLoadBalancer' });
    assert.deepEqual(route.methods, []);
    assert.equal(route.loadPriority, 'normal');
    assert.equal(route.verifyCertificate, true);
    assert.equal(routeOf({ MaxRequestBodySize: 0 }).maxBodyBytes, Number.POSITIVE_INFINITY);
  });

  it('takes handlers of the route, else the global ones, that code has registered', () => {
    const registered = { registered: { handlers: ['Own', 'All'] } };
    const handlers = (keys: object) =>
      routeOf(keys, { DelegatingHandlers: ['All'] }, registered).delegatingHandlers;
    assert.deepEqual(handlers({ DelegatingHandlers: ['Own'] }), ['Own']);
    assert.deepEqual(handlers({}), ['All']);
  });

  it("reads the gateway's own keys", () => {
    const route = routeOf(
      {
        StranglerOptions: {
          Mode: 'split',
          New: { ServiceName: 'orders-2', DownstreamPathTemplate: '/v2' },
          Percent: 10,
          StickyBy: 'Header:X-User',
        },
        Versions: [{ Tag: 'v1', Weight: 9 }, { Tag: 'v2' }],
        ServiceName: 'orders',
        LoadPriority: 'critical',
        RateLimitOptions: { Limit: 1, Period: '1s', KeyBy: 'Claim:sub', Store: 'Shared' },
        AuthenticationOptions: BEARER,
        CorsOptions: { AllowedOrigins: ['https://shop.example'], MaxAge: 60 },
      },
      { AuthenticationProviders: PROVIDERS },
      { registered: { discovery: true } },
    );
    assert.deepEqual(route.strangler?.stickyBy, { kind: 'header', name: 'x-user' });
    assert.equal(route.strangler?.mode, 'split');
    assert.equal(route.loadPriority, 'critical');
    assert.deepEqual(route.versions, [
      { tag: 'v1', weight: 9 },
      { tag: 'v2', weight: 1 },
    ]);
    assert.deepEqual(route.rateLimit?.key, { kind: 'claim', claim: 'sub' });
    assert.equal(route.rateLimit?.store, 'shared');
    assert.equal(route.cors?.maxAgeSeconds, 60);
  });

  it('gives dynamic routes the global options under their own', () => {
    const { dynamic } = read({
      DynamicRoutes: [{ ServiceName: 'order', DownstreamScheme: 'https', RateLimitRule: { Limit: 2 } }],
      GlobalConfiguration: {
        ServiceDiscoveryProvider: { Host: 'consul', Port: 8500, Type: 'PollConsul' },
        DownstreamScheme: 'http',
        RateLimitOptions: { Limit: 9, Period: '1s' },
      },
    });
    assert.equal(dynamic?.services.get('order')?.scheme, 'https');
    assert.equal(dynamic?.services.get('order')?.rateLimit?.limit, 2);
    assert.equal(dynamic?.defaults.rateLimit?.limit, 9);
    assert.equal(
      read({ GlobalConfiguration: { ServiceDiscoveryProvider: { Host: 'c' } } }).dynamic,
      undefined,
    );
  });
});

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
      /^Routes\[9\]\.AddHeadersToRequest: A: sub is not Claims\[type\]/,
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

describe('warnings', () => {
  const warningsOf = (input: object) => read(input).warnings;

  it('name unknown keys and what may have been meant', () => {
    assert.deepEqual(warningsOf({ Routes: [{ ...ROUTE, RateLimitOption: {}, Zzz: 1 }] }), [
      'Routes[0].RateLimitOption: unknown key, did you mean RateLimitOptions?',
      'Routes[0].Zzz: unknown key, ignored',
    ]);
  });

  it('name placeholders that nothing fills', () => {
    const route = { ...ROUTE, UpstreamPathTemplate: '/o/{id}', DownstreamPathTemplate: '/o/{ids}' };
    assert.deepEqual(warningsOf({ Routes: [route] }), [
      'Routes[0].DownstreamPathTemplate: {ids} has no value and is sent as written, did you mean {id}?',
    ]);
  });

  it('name routes whose claims nobody can have', () => {
    assert.deepEqual(warningsOf({ Routes: [{ ...ROUTE, RouteClaimsRequirement: { role: 'admin' } }] }), [
      'Routes[0]: its claims need AuthenticationOptions, every request is answered 403',
    ]);
  });

  it('name routes that can never be reached', () => {
    const at = (UpstreamPathTemplate: string, more: object = {}) => ({
      ...ROUTE,
      UpstreamPathTemplate,
      ...more,
    });
    const shadowed = (...Routes: readonly object[]) =>
      warningsOf({ Routes }).map((warning) =>
        /^(\S+): .* can never be reached, (\S+)/.exec(warning)?.slice(1).join(),
      );
    assert.deepEqual(shadowed(at('/a/{x}'), at('/a/b')), ['Routes[1],Routes[0]']);
    assert.deepEqual(shadowed(at('/a/b'), at('/a/{x}')), []);
    assert.deepEqual(shadowed(at('/a/b'), at('/a/{x}', { Priority: 2 })), ['Routes[0],Routes[1]']);
    assert.deepEqual(shadowed(at('/{t}/x/{r}'), at('/{u}/x')), ['Routes[1],Routes[0]']);
    assert.deepEqual(shadowed(at('/a', { UpstreamHttpMethod: ['GET'] }), at('/a/', {})), []);
    assert.deepEqual(shadowed(at('/a/'), at('/a')), ['Routes[1],Routes[0]']);
    assert.deepEqual(shadowed(at('/a'), at('/a/')), [], 'only the second takes the slash');
    assert.deepEqual(shadowed(at('/a/{x}', { UpstreamHost: 'h' }), at('/a/b')), []);
    assert.deepEqual(shadowed(at('/a/b'), at('/a/{x}', { UpstreamHost: 'h' })), []);
    const eu = { UpstreamHeaderTemplates: { region: 'eu' } };
    assert.deepEqual(shadowed(at('/a/{x}', eu), at('/a/b')), []);
    assert.deepEqual(shadowed(at('/a/{x}', eu), at('/a/b', eu)), ['Routes[1],Routes[0]']);
    assert.deepEqual(
      shadowed(at('/a/b', { UpstreamHost: 'h' }), at('/a/{x}', { UpstreamHost: 'h', Priority: 3 })),
      ['Routes[0],Routes[1]'],
    );
    assert.deepEqual(shadowed(at('/A/{x}', { RouteIsCaseSensitive: true }), at('/a/b')), []);
    assert.deepEqual(shadowed(at('/a?q={q}'), at('/a')), []);
    assert.deepEqual(shadowed(at('/a?{q}'), at('/a?x={x}')), ['Routes[1],Routes[0]']);
    assert.deepEqual(shadowed(at('/{x}'), at('/a')), [], 'the lone catch-all is always last');
  });
});

describe('a folder', () => {
  const file = (name: string, content: unknown) => ({ name, text: JSON.stringify(content) });

  it('is merged in the order of names, global options from ocelot.global.json alone', () => {
    const at = (UpstreamPathTemplate: string) => ({ Routes: [{ ...ROUTE, UpstreamPathTemplate }] });
    const config = readGatewayConfig({
      files: [
        file('ocelot.b.json', { ...at('/b'), GlobalConfiguration: { BaseUrl: 'http://wrong' } }),
        file('ocelot.z.json', { GlobalConfiguration: { BaseUrl: 'http://wrong' } }),
        file('ocelot.a.json', at('/a')),
        file('ocelot.global.json', { GlobalConfiguration: { BaseUrl: 'http://right' } }),
      ],
    });
    assert.deepEqual(
      config.routes.map(({ name }) => name),
      ['/a', '/b'],
    );
    assert.equal(config.baseUrl, 'http://right');
  });

  it('says which file is not JSON', () => {
    const problems = problemsFrom(() =>
      readGatewayConfig({ files: [{ name: 'ocelot.a.json', text: '{' }, file('ocelot.b.json', [])] }),
    );
    assertProblems(problems, [/^ocelot\.a\.json is not JSON: /, /^ocelot\.b\.json: must be an object$/]);
  });
});
