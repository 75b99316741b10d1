import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { createContext, runInContext, runInNewContext } from 'node:vm';
import { listen, QUIET } from '../../test/backends.ts';
import { routeOf } from '../../test/config.ts';
import { document, type Merged, merge, OK, route, source } from '../../test/openapi.ts';
import { createOpenApi } from './create-openapi.ts';
import type { JsonObject } from './json-object.ts';
import { upstreamPath } from './upstream-path.ts';

const cleanups: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const returns = (name: string) => ({
  responses: { 200: { description: 'ok', content: { 'application/json': { schema: ref(name) } } } },
});

describe('the path that clients use', () => {
  const cases: readonly (readonly [
    documented: string,
    upstream: string,
    downstream: string,
    seen: string | undefined,
  ])[] = [
    ['/api/orders/{orderId}', '/orders/{id}', '/api/orders/{id}', '/orders/{orderId}'],
    ['/api/orders', '/orders', '/api/orders', '/orders'],
    ['/api/orders', '/orders/{rest}', '/api/orders/{rest}', '/orders'],
    ['/api/ordersheet', '/orders/{rest}', '/api/orders/{rest}', undefined],
    ['/api/orders', '/orders/{id}/lines', '/api/orders/{id}', undefined],
    ['/', '/{all}', '/{all}', '/'],
    ['/api/orders/{id}/lines/{n}', '/o/{rest}', '/api/orders/{rest}', '/o/{id}/lines/{n}'],
    ['/api/orders/{id}/lines', '/o/{id}', '/api/orders/{id}', '/o/{id}/lines'],
    ['/api/users', '/orders/{id}', '/api/orders/{id}', undefined],
    ['/v2/cards', '/api/{v}/cards', '/{v}/cards', '/api/v2/cards'],
    ['/api/v1.0/x', '/x', '/api/v1.0/x', '/x'],
    ['/api/v1x0/x', '/x', '/api/v1.0/x', undefined],
    ['/anything/{a}', '/{all}', '/{all}', '/anything/{a}'],
    ['/search', '/find?q={q}', '/search?text={q}', '/find'],
    ['/', '/shop/', '/', '/shop'],
    ['/orders', '/tenant/{tenant}/orders', '/orders', '/tenant/{tenant}/orders'],
  ];
  for (const [documented, upstream, downstream, seen] of cases)
    it(`${documented} through ${upstream} → ${downstream}: ${seen ?? 'not reachable'}`, () => {
      assert.equal(
        upstreamPath(documented, {
          name: upstream,
          downstreamTemplate: downstream,
          virtualDirectory: undefined,
        }),
        seen,
      );
    });
});

describe('the merged document', () => {
  it('has what routes reach, by their methods, and nothing else', () => {
    const orders = document({
      '/api/orders': { get: OK, post: OK, delete: OK, parameters: [] },
      '/internal/secrets': { get: OK },
    });
    const merged = merge([route('/orders', '/api/orders', { methods: ['GET', 'POST'] })], { orders });
    assert.deepEqual(Object.keys(merged.paths), ['/orders']);
    assert.deepEqual(Object.keys(merged.paths['/orders'] ?? {}), ['get', 'post']);
    assert.deepEqual(merged.servers, [{ url: '/' }], 'where the document was read');
    assert.deepEqual(merged.paths['/orders']?.['get']?.['tags'], ['The orders API']);
  });

  it('a route whose method is replaced shows the operation under the method that clients use', () => {
    const orders = document({ '/api/search': { post: { ...OK, summary: 'search' }, get: OK } });
    const changed = route('/search', '/api/search', { methods: ['GET'], downstreamMethod: 'POST' });
    const merged = merge([changed], { orders });
    assert.equal(merged.paths['/search']?.['get']?.['summary'], 'search');
  });

  it('path parameters are those of the path that clients use', () => {
    const id = { name: 'id', in: 'path', required: true, schema: { type: 'integer' } };
    const query = { name: 'q', in: 'query', schema: { type: 'string' } };
    const orders = document({
      '/v{version}/orders/{id}': {
        parameters: [
          { ...id, name: 'version' },
          { ...query, description: 'item' },
        ],
        get: { ...OK, parameters: [id, query] },
      },
    });
    const templates = route('/{tenant}/orders/{id}', '/v1/orders/{id}');
    assert.deepEqual(merge([templates], { orders }).paths, {}, 'a literal is not a parameter');
    const merged = merge([route('/{tenant}/orders/{id}', '/{version}/orders/{id}')], { orders });
    assert.deepEqual(merged.paths['/{tenant}/orders/{id}']?.['get']?.['parameters'], [
      { name: 'tenant', in: 'path', required: true, schema: { type: 'string' } },
      id,
      query,
    ]);
  });

  it('says where a token is needed: what the gateway asks for, not what the service says', () => {
    const orders = document({ '/a': { get: { ...OK, security: [{ internal: [] }] } }, '/b': { get: OK } });
    const authentication = { providers: ['Bearer'], allowedScopes: ['orders'] };
    const merged = merge([route('/a', '/a'), route('/b', '/b', { authentication })], { orders });
    assert.deepEqual(merged.paths['/a']?.['get']?.['security'], []);
    assert.deepEqual(merged.paths['/b']?.['get']?.['security'], [{ bearer: [] }]);
    assert.deepEqual(merged.paths['/b']?.['get']?.['x-scopes'], ['orders']);
    assert.ok(merged.components.securitySchemes?.['bearer']);
    assert.equal(merge([route('/a', '/a')], { orders }).components.securitySchemes, undefined);
  });

  it('components of one name are kept apart, equal ones shared, unused ones left out', () => {
    const problem = { type: 'object', properties: { code: { type: 'string' } } };
    const schemas = (item: JsonObject) => ({
      Item: { type: 'object', properties: { ...item, parent: ref('Item'), problem: ref('Problem') } },
      Problem: problem,
      Unused: { type: 'string' },
    });
    const orders = document(
      { '/o': { get: { ...returns('Item'), operationId: 'get' } } },
      schemas({ a: {} }),
    );
    const users = document({ '/u': { get: { ...returns('Item'), operationId: 'get' } } }, schemas({ b: {} }));
    const merged = merge([route('/o', '/o'), route('/u', '/u', { swaggerKey: 'users' })], { orders, users });
    assert.deepEqual(merged.components.schemas, {
      Item: { type: 'object', properties: { a: {}, parent: ref('Item'), problem: ref('Problem') } },
      Problem: problem,
      users_Item: {
        type: 'object',
        properties: { b: {}, parent: ref('users_Item'), problem: ref('Problem') },
      },
    });
    assert.deepEqual(merged.paths['/u']?.['get']?.['responses'], returns('users_Item').responses);
    assert.deepEqual(
      [merged.paths['/o']?.['get']?.['operationId'], merged.paths['/u']?.['get']?.['operationId']],
      ['get', 'users_get'],
    );
  });

  it('components that read alike but refer to different ones are kept apart', () => {
    const schemas = (item: JsonObject) => ({ List: { type: 'array', items: ref('Item') }, Item: item });
    const orders = document({ '/o': { get: returns('List') } }, schemas({ type: 'string' }));
    const users = document({ '/u': { get: returns('List') } }, schemas({ type: 'integer' }));
    const merged = merge([route('/o', '/o'), route('/u', '/u', { swaggerKey: 'users' })], { orders, users });
    assert.deepEqual(merged.components.schemas, {
      List: { type: 'array', items: ref('Item') },
      Item: { type: 'string' },
      users_List: { type: 'array', items: ref('users_Item') },
      users_Item: { type: 'integer' },
    });
  });

  it('components that mean the same are shared, also when they refer to others', () => {
    const schemas = {
      Order: { type: 'object', properties: { total: ref('Money'), parent: ref('Order') } },
      Money: { type: 'string' },
    };
    const orders = document({ '/o': { get: returns('Order') } }, schemas);
    const cart = document({ '/c': { get: returns('Order') } }, { ...schemas, Unused: {} });
    const merged = merge([route('/o', '/o'), route('/c', '/c', { swaggerKey: 'cart' })], { orders, cart });
    assert.deepEqual(merged.components.schemas, schemas);
    assert.deepEqual(merged.paths['/c']?.['get']?.['responses'], returns('Order').responses);
  });

  it('asks clients for no header that the gateway sets itself', () => {
    const header = (name: string) => ({ name, in: 'header', schema: { type: 'string' } });
    const names = ['X-Forwarded-For', 'traceparent', 'X-User', 'X-Tenant', 'X-Gone', 'X-Kept'];
    const orders = document({ '/o': { get: { ...OK, parameters: names.map(header) } } });
    const { claims } = route('/', '/');
    const sets = route('/o', '/o', {
      claims: { ...claims, toHeaders: new Map([['x-user', { claim: 'sub', part: undefined }]]) },
      transforms: {
        request: [
          { kind: 'set', header: 'x-tenant', value: 'acme' },
          { kind: 'remove', header: 'x-gone' },
        ],
        answer: [],
      },
    });
    assert.deepEqual(merge([sets], { orders }).paths['/o']?.['get']?.['parameters'], [header('X-Kept')]);
  });

  it('has the statuses and headers that the gateway adds', () => {
    const problem = { description: 'other', content: { 'application/problem+json': { schema: ref('P') } } };
    const orders = {
      ...document({
        '/o': { get: { responses: { 200: { $ref: '#/components/responses/Fine' }, default: problem } } },
      }),
      components: { responses: { Fine: { description: 'fine' } }, schemas: { P: {} } },
    };
    const { rateLimit, cache } = routeOf({
      RateLimitOptions: { EnableRateLimiting: true, Period: '1s', Limit: 5, QuotaFormat: 'problem' },
      FileCacheOptions: { TtlSeconds: 60 },
    });
    const authentication = { providers: ['Bearer'], allowedScopes: [] };
    const merged = merge([route('/o', '/o', { rateLimit, cache, authentication })], { orders });
    const responses = merged.paths['/o']?.['get']?.['responses'] as Record<string, Record<string, object>>;
    assert.deepEqual(Object.keys(responses), ['200', '401', '429', 'default']);
    assert.deepEqual(responses['401']?.['content'], problem.content);
    assert.deepEqual(responses['429']?.['content'], problem.content);
    const budget = ['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'];
    assert.deepEqual(Object.keys(responses['429']?.['headers'] ?? {}), [...budget, 'Retry-After']);
    assert.deepEqual(Object.keys(responses['200']?.['headers'] ?? {}), ['Age', ...budget]);
  });

  it('one tag for all of a document gives way to the name of the service, several stay', () => {
    const tagged = (tag: string) => ({ ...OK, tags: [tag] });
    const tagsOf = (one: string, other: string) => {
      const orders = document({ '/a': { get: tagged(one) }, '/b': { get: tagged(other) } });
      const { paths } = merge([route('/a', '/a'), route('/b', '/b')], { orders });
      return Object.values(paths).map((item) => item['get']?.['tags']);
    };
    assert.deepEqual(tagsOf('order', 'order'), [['The orders API'], ['The orders API']]);
    assert.deepEqual(tagsOf('order', 'return'), [['order'], ['return']]);
  });

  it('every reference leads somewhere', () => {
    const schemas = {
      'A B/C': {
        oneOf: [ref('X'), ref('Y')],
        discriminator: { propertyName: 'kind', mapping: { x: '#/components/schemas/X' } },
      },
      X: { type: 'object', properties: { y: ref('Y') } },
      Y: { type: 'array', items: ref('X') },
    };
    const orders = document({ '/o': { get: returns('A%20B~1C') } }, schemas);
    const merged = merge([route('/o', '/o')], { orders });
    const references = JSON.stringify(merged).match(/#\/components\/schemas\/[^"]+/g) ?? [];
    assert.ok(references.length >= 5);
    for (const reference of references)
      assert.ok(merged.components.schemas?.[reference.split('/').at(-1) ?? ''], reference);
  });

  it('values of a discriminator mean the schemas that they meant', () => {
    const pets = (property: string) => ({
      Pet: {
        oneOf: [ref('Cat'), ref('Dog')],
        discriminator: { propertyName: 'kind' },
      },
      Thing: { oneOf: [ref('Cat')], discriminator: { propertyName: 'kind', mapping: { tom: 'Cat' } } },
      Cat: { type: 'object', properties: { [property]: { type: 'string' } } },
      Dog: { type: 'object' },
    });
    const one = document({ '/a': { get: returns('Pet') } }, pets('a'));
    const other = document({ '/b': { get: returns('Pet') }, '/c': { get: returns('Thing') } }, pets('b'));
    const { components } = merge(
      [
        route('/a', '/a'),
        route('/b', '/b', { swaggerKey: 'users' }),
        route('/c', '/c', { swaggerKey: 'users' }),
      ],
      {
        orders: one,
        users: other,
      },
    );
    const schemas = components.schemas as Readonly<Record<string, JsonObject>>;
    assert.deepEqual(schemas['Pet']?.['discriminator'], { propertyName: 'kind' });
    const Cat = '#/components/schemas/users_Cat';
    assert.deepEqual(schemas['users_Pet']?.['discriminator'], { propertyName: 'kind', mapping: { Cat } });
    assert.deepEqual(schemas['Thing']?.['discriminator'], { propertyName: 'kind', mapping: { tom: Cat } });
  });

  it('names that are special to JavaScript are names like others', () => {
    const orders = JSON.parse(
      '{"openapi":"3.1.0","paths":{"__proto__":{"get":{}},"/a":{"get":{"__proto__":{"x":1},"responses":{}}}}}',
    );
    const merged = merge([route('/a', '/a')], { orders });
    assert.equal(merged.openapi, '3.1.0');
    assert.deepEqual(Object.keys(merged.paths), ['/a']);
    assert.equal(({} as JsonObject)['x'], undefined);
  });

  it('a service without a document is named, the others are complete', () => {
    const orders = document({ '/o': { get: OK } });
    const merged = merge([route('/o', '/o')], { users: { missing: 'the service did not give it' }, orders });
    assert.deepEqual(merged['x-unavailable'], [
      { service: 'The users API', version: 'v1', reason: 'the service did not give it' },
    ]);
    assert.match(merged.info.description ?? '', /The users API is not available/);
    assert.deepEqual(Object.keys(merged.paths), ['/o']);
  });
});

describe('the documents of a gateway', () => {
  async function start(answer: { body: string; status?: number }) {
    let asked = 0;
    const { port, close } = await listen((_request, response) => {
      asked += 1;
      response.writeHead(answer.status ?? 200);
      response.end(answer.body);
    });
    cleanups.push(close);
    let nowMs = 0;
    const url = `http://127.0.0.1:${port}/openapi.json`;
    const config = {
      openApi: [source('orders', url), source('users', url)],
      routes: [route('/o', '/o')],
      authenticationProviders: new Map(),
    };
    const openApi = createOpenApi({
      config,
      documents: { '/docs/asyncapi.json': { asyncapi: '3.0.0' } },
      locate: async () => undefined,
      nowMs: () => nowMs,
      logger: QUIET,
    });
    assert.ok(openApi);
    const read = async (path: string) => JSON.parse((await openApi.find(path))?.body ?? '{}') as Merged;
    return { openApi, read, asked: () => asked, advance: (ms: number) => (nowMs += ms) };
  }

  it('are asked for once a minute, however many read them', async () => {
    const { read, asked, advance } = await start({ body: JSON.stringify(document({ '/o': { get: OK } })) });
    const all = await Promise.all([
      read('/docs/openapi.json'),
      read('/docs/openapi.json'),
      read('/docs/orders.json'),
    ]);
    assert.ok(all.every(({ paths }) => paths['/o']));
    assert.equal(asked(), 2);
    advance(59_999);
    await read('/docs/orders/v1.json');
    assert.equal(asked(), 2);
    advance(1);
    await read('/docs/orders.json');
    assert.equal(asked(), 3);
    assert.deepEqual((await read('/docs/users.json')).paths, {});
  });

  it('that could not be had are asked for again soon', async () => {
    const answer = { body: '', status: 503 };
    const { read, asked, advance } = await start(answer);
    assert.deepEqual((await read('/docs/orders.json')).paths, {});
    await read('/docs/orders.json');
    assert.equal(asked(), 1);
    Object.assign(answer, { body: JSON.stringify(document({ '/o': { get: OK } })), status: 200 });
    advance(2_000);
    assert.ok((await read('/docs/orders.json')).paths['/o']);
    assert.equal(asked(), 2);
  });

  it('that are broken are reported without an address', async () => {
    for (const broken of [
      { body: 'no json' },
      { body: '{}', status: 500 },
      { body: '{"swagger":"2.0"}' },
      { body: '<html><p>no document</p></html>' },
      { body: JSON.stringify({ ...document({}), 'x-pad': 'x'.repeat(5_000_000) }) },
    ]) {
      const { read } = await start(broken);
      const merged = await read('/docs/openapi.json');
      assert.equal((merged['x-unavailable'] as unknown[]).length, 2);
      assert.ok(!JSON.stringify(merged).includes('127.0.0.1'));
    }
  });

  it('stand beside those that were given, which the merged one names', async () => {
    const { openApi, read } = await start({ body: '{}' });
    assert.equal((await openApi.find('/docs/asyncapi.json'))?.body, '{"asyncapi":"3.0.0"}');
    assert.equal((await read('/docs/openapi.json'))['x-asyncapi'], '/docs/asyncapi.json');
  });

  it('are served where they are and nowhere else, and not at all when none is configured', async () => {
    const { openApi } = await start({ body: '{}' });
    for (const path of ['/docs/none.json', '/docs/orders/v2.json', '/docs/x', '/', '/docsx'])
      assert.equal(openApi.find(path), undefined, path);
    assert.equal(
      createOpenApi({
        config: { openApi: [], routes: [], authenticationProviders: new Map() },
        documents: {},
        locate: async () => undefined,
        nowMs: () => 0,
        logger: QUIET,
      }),
      undefined,
    );
  });

  it('the page runs nothing but its own script, which is valid, and loads nothing from elsewhere', async () => {
    const { openApi } = await start({ body: '{}' });
    const page = await openApi.find('/docs');
    const policy = new Map(page?.headers).get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'none'; script-src 'sha256-[A-Za-z0-9+/=]{44}'; style-src 'sha256-/);
    assert.ok(!/https?:\/\/|innerHTML|\son\w+=/.test(page?.body ?? ''));
    const [icon, ...others] = page?.body.match(/<link [^>]+>/g) ?? [];
    assert.match(icon ?? '', /rel="icon" href="\/docs\/favicon.svg"/);
    assert.deepEqual(others, []);
    assert.equal((await openApi.find('/docs/favicon.svg'))?.contentType, 'image/svg+xml');
    const [, script = ''] = /<script>([\s\S]*)<\/script>/.exec(page?.body ?? '') ?? [];
    assert.throws(
      () => runInNewContext(script, {}),
      { name: 'ReferenceError' },
      'it parses; there is no browser here',
    );
  });

  it('the page says what a request needs, and fills in examples and what must not be left out alone', async () => {
    const { openApi } = await start({ body: '{}' });
    const [, script = ''] =
      /<script>([\s\S]*)<\/script>/.exec((await openApi.find('/docs'))?.body ?? '') ?? [];
    const element = { addEventListener: () => undefined };
    const page = createContext({
      document: { getElementById: () => element },
      addEventListener: () => undefined,
      fetch: () => new Promise(() => undefined),
    });
    runInContext(script, page);
    const conditions = (...security: object[]): unknown =>
      runInContext(`conditionsOf(${JSON.stringify({ security })})`, page);
    assert.equal(conditions(), '');
    assert.equal(conditions({ bearer: [] }), 'Needs an access token.');
    assert.equal(conditions({ key_a: [] }, { key_a_query: [] }), 'Needs an API key.');
    assert.equal(conditions({ bearer: [] }, { key_a: [] }), 'Needs an access token or an API key.');
    const exampleOf = (schema: JsonObject): unknown =>
      JSON.parse(String(runInContext(`JSON.stringify(example(${JSON.stringify(schema)}))`, page)));
    const money = { type: 'integer', examples: [1999] };
    const schema = {
      type: 'object',
      properties: {
        id: { type: 'string', examples: ['sku-1'] },
        kind: { type: 'string', const: 'b' },
        count: { type: 'integer', minimum: 1 },
        lines: {
          type: 'array',
          items: { type: 'object', properties: { price: money }, required: ['price'] },
        },
        note: { anyOf: [{ type: 'string', examples: ['n'] }, { type: 'null' }] },
        expected: money,
      },
      required: ['id', 'kind', 'count', 'lines', 'note'],
    };
    const wanted = { id: 'sku-1', kind: 'b', count: 1, lines: [{ price: 1999 }], note: 'n' };
    assert.deepEqual(exampleOf(schema), wanted);
    assert.deepEqual(exampleOf({ ...schema, examples: [{ id: 'whole' }] }), { id: 'whole' });
  });
});
