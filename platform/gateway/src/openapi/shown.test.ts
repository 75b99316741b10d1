import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { listen, QUIET } from '../../test/backends.ts';
import { read } from '../../test/config.ts';
import { document, merge, OK, route, source } from '../../test/openapi.ts';
import { createOpenApi } from './create-openapi.ts';

const at = (url: string) => ({ ...document({ '/a': { get: OK } }), servers: [{ url }] });

describe('where the paths of a document are', () => {
  it('is behind the path of its first server', () => {
    const routes = [route('/shop/{rest}', '/api/{rest}')];
    for (const url of ['/api', '/api/', 'https://internal:8443/api', 'HTTP://x/api/'])
      assert.deepEqual(Object.keys(merge(routes, { orders: at(url) }).paths), ['/shop/a'], url);
    const variables = { stage: { default: 'api' } };
    const orders = { ...at(''), servers: [{ url: 'https://{host}/{stage}', variables }] };
    assert.deepEqual(Object.keys(merge(routes, { orders }).paths), []);
    const local = { ...at(''), servers: [{ url: '/{stage}', variables }] };
    assert.deepEqual(Object.keys(merge(routes, { orders: local }).paths), ['/shop/a']);
    assert.deepEqual(merge(routes, { orders: at('/other') }).paths, {});
  });

  it('is not, where the route says what of its template they leave out', () => {
    const orders = document({ '/api/a': { get: OK } });
    const virtualDirectory = '/Project';
    const routes = [route('/shop/{rest}', '/project/api/{rest}', { virtualDirectory })];
    assert.deepEqual(Object.keys(merge(routes, { orders }).paths), ['/shop/a']);
    const elsewhere = [route('/shop/{rest}', '/api/{rest}', { virtualDirectory })];
    assert.deepEqual(Object.keys(merge(elsewhere, { orders }).paths), ['/shop/a']);
  });
});

describe('the servers of the merged document', () => {
  const users = document({ '/u': { get: OK } });
  const routes = [route('/a', '/a'), route('/u', '/u', { swaggerKey: 'users' })];

  it('are those of HostOverride, of an operation where sources differ', () => {
    const own = [{ url: 'https://api.example' }];
    const sources = { orders: { host: 'https://api.example' } };
    assert.deepEqual(merge(routes, { orders: at('/') }, { sources }).servers, own);
    const both = merge(routes, { orders: at('/'), users }, { sources });
    assert.deepEqual(both.servers, [{ url: '/' }]);
    assert.deepEqual(both.paths['/a']?.['get']?.['servers'], own);
    assert.equal(both.paths['/u']?.['get']?.['servers'], undefined);
    const bare = { orders: { host: 'api.example:8080' } };
    assert.deepEqual(merge(routes, { orders: at('/') }, { sources: bare }).servers, [
      { url: '//api.example:8080' },
    ]);
  });

  it('are those of the service where they are to be taken, and then no part of the paths', () => {
    const sources = { orders: { keepsServers: true } };
    const merged = merge(routes, { orders: at('https://orders.example/v1') }, { sources });
    assert.deepEqual(merged.servers, [{ url: 'https://orders.example/v1' }]);
    assert.deepEqual(Object.keys(merged.paths), ['/a']);
    assert.deepEqual(merge(routes, { orders: users }, { sources }).servers, [{ url: '/' }]);
  });
});

describe('a document that is shown as it is', () => {
  const id = { name: 'id', in: 'path', required: true, schema: { type: 'string' } };
  const held = {
    ...document({ '/hidden/{id}': { parameters: [id], get: { ...OK, security: [{ own: [] }] } } }),
    servers: [{ url: 'http://orders' }],
  };

  it('has all of its operations among the others, without names that nobody explains', () => {
    const merged = merge([], { orders: held }, { sources: { orders: { isShownAsItIs: true } } });
    assert.deepEqual(merged.paths, { '/hidden/{id}': { get: { ...OK, parameters: [id] } } });
    assert.deepEqual(merged.servers, held.servers);
  });

  it('is itself where it stands alone', async () => {
    const { port, close } = await listen((_, response) => response.end(JSON.stringify(held)));
    try {
      const shown = source('orders', `http://127.0.0.1:${port}/`, { isShownAsItIs: true });
      const openApi = createOpenApi({
        config: { openApi: [shown], routes: [], authenticationProviders: new Map() },
        documents: {},
        locate: async () => undefined,
        nowMs: () => 0,
        logger: QUIET,
      });
      const answer = await openApi?.find('/docs/orders.json');
      assert.deepEqual(JSON.parse(answer?.body ?? ''), held);
    } finally {
      close();
    }
  });
});

describe('the ways to come in', () => {
  it('are keys where a route takes keys, and tokens where it takes tokens', () => {
    const keys = {
      kind: 'api-keys',
      header: 'x-api-key',
      query: 'key',
      isPassed: false,
      entries: [],
    } as const;
    const providers = new Map([['Our partners', { keys }]]);
    const paths = { '/a': { get: OK }, '/b': { get: OK } };
    const asking = (...names: string[]) => ({ authentication: { providers: names, allowedScopes: [] } });
    const routes = [
      route('/a', '/a', asking('Our partners', 'Bearer', 'Other')),
      route('/b', '/b', asking('Our partners')),
    ];
    const merged = merge(routes, { orders: document(paths) }, { providers });
    const ofKeys = [{ key_Our_partners: [] }, { key_Our_partners_query: [] }];
    assert.deepEqual(merged.paths['/a']?.['get']?.['security'], [...ofKeys, { bearer: [] }]);
    assert.deepEqual(merged.paths['/b']?.['get']?.['security'], ofKeys);
    assert.deepEqual(merged.components.securitySchemes, {
      bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
      key_Our_partners: { type: 'apiKey', in: 'header', name: 'x-api-key' },
      key_Our_partners_query: { type: 'apiKey', in: 'query', name: 'key' },
    });
    const alone = merge(routes.slice(1), { orders: document(paths) }, { providers });
    assert.deepEqual(Object.keys(alone.components.securitySchemes ?? {}), [
      'key_Our_partners',
      'key_Our_partners_query',
    ]);
  });
});

describe('SwaggerEndPoints', () => {
  it('say how a document is shown', () => {
    const { openApi, routes, warnings } = read({
      Routes: [
        {
          UpstreamPathTemplate: '/a',
          DownstreamPathTemplate: '/project/a',
          DownstreamHostAndPorts: [{ Host: 'a', Port: 80 }],
          SwaggerKey: 'a',
          VirtualDirectory: '/project',
        },
      ],
      SwaggerEndPoints: [
        {
          Key: 'a',
          HostOverride: 'https://api.example',
          TakeServersFromDownstreamService: true,
          TransformByOcelotConfig: false,
          RemoveUnusedComponentsFromScheme: false,
          VersionPlaceholder: '{v}',
          Config: [{ Name: 'A', Version: 'v1', Url: 'http://a/swagger.json' }],
        },
      ],
    });
    const { host, keepsServers, isShownAsItIs } = openApi[0] ?? source('none');
    assert.deepEqual([host, keepsServers, isShownAsItIs], ['https://api.example', true, true]);
    assert.equal(routes[0]?.virtualDirectory, '/project');
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /RemoveUnusedComponentsFromScheme: components that nothing refers to/);
  });
});
