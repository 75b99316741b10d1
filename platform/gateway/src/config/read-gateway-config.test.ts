import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertProblems, BEARER, PROVIDERS, problemsOf, ROUTE, read, routeOf } from '../../test/config.ts';

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

  it('reserves what clients may not say only where the file gives it a meaning', () => {
    const reserved = (more: object, global: object = {}, strict = false) => {
      const config = {
        Routes: [{ ...ROUTE, ...more }],
        GlobalConfiguration: { AuthenticationProviders: PROVIDERS, ...global },
      };
      const { reservesIdentity, reservesOverrides } = read(config, { strict }).clientFields;
      return [reservesIdentity, reservesOverrides];
    };
    const claims = { AuthenticationOptions: BEARER, AddHeadersToRequest: { X: 'Claims[sub] > value' } };
    assert.deepEqual(reserved({}), [false, false]);
    assert.deepEqual(reserved({ AuthenticationOptions: BEARER }), [false, true]);
    assert.deepEqual(reserved({ SecurityOptions: { IPBlockedList: ['10.0.0.1'] } }), [false, true]);
    assert.deepEqual(reserved({ FileCacheOptions: { TtlSeconds: 1 } }), [true, true]);
    assert.deepEqual(reserved(claims), [true, true]);
    assert.deepEqual(reserved(claims, {}, true), [false, false]);
    assertProblems(
      problemsOf({ Routes: [ROUTE], GlobalConfiguration: { PassHeaders: ['Host', 'a b', 'X-Internal-A'] } }),
      [/PassHeaders: Host is written/, /a b is no name/, /X-Internal-A is written/],
    );
  });

  it('reads claims and knows which headers only the gateway may set', () => {
    const { routes, clientFields } = read({
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
    assert.deepEqual(clientFields.setByRoutes, new Set(['x-customer']));
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
    const secure = { DownstreamHttpVersion: '2,0', DownstreamScheme: 'https' };
    assert.equal(protocol(secure), '2-or-lower');
    for (const DownstreamHttpVersionPolicy of ['RequestVersionExact', 'RequestVersionOrHigher'])
      assert.equal(protocol({ ...secure, DownstreamHttpVersionPolicy }), '2');
    assert.equal(
      protocol({ DownstreamHttpVersion: '2', DownstreamHttpVersionPolicy: 'RequestVersionExact' }),
      '2',
    );
    assert.equal(protocol({ DownstreamHttpVersion: '9.9' }), '1.1');
  });

  it('limits the silence of WebSockets, for the route or for all', () => {
    const idleMs = (own: object, global: object = {}) =>
      routeOf({ WebSocketOptions: own }, { WebSocketOptions: global }).webSocketIdleMs;
    assert.equal(routeOf({}).webSocketIdleMs, 600_000);
    assert.equal(idleMs({}, { IdleTimeout: 60 }), 60_000);
    assert.equal(idleMs({ IdleTimeout: 5 }, { IdleTimeout: 60 }), 5_000);
    assert.equal(idleMs({ IdleTimeout: 0 }, { IdleTimeout: 60 }), Number.POSITIVE_INFINITY);
    assert.match(
      problemsOf({ Routes: [{ ...ROUTE, WebSocketOptions: { IdleTimeout: -1 } }] }).join(),
      /at least 0/,
    );
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
