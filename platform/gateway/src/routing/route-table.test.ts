import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { requestFor, seededRandom } from '../../test/requests.ts';
import { readGatewayConfig } from '../config/read-gateway-config.ts';
import { orderCandidates } from './candidates.ts';
import { createRouteTable, hostName, tryCandidate } from './route-table.ts';

const to = (UpstreamPathTemplate: string, more: object = {}) => ({
  UpstreamPathTemplate,
  DownstreamPathTemplate: '/',
  DownstreamHostAndPorts: [{ Host: 'a', Port: 80 }],
  ...more,
});

type RequestOptions = Parameters<typeof requestFor>[1];

function find(routes: readonly object[], target: string, options: RequestOptions = {}, root: object = {}) {
  const config = readGatewayConfig(JSON.stringify({ Routes: routes, ...root }));
  return createRouteTable(config).find(requestFor(target, options));
}

/** The template that wins, with its host in front; a status when none does. */
function chosen(...args: Parameters<typeof find>): string | number {
  const found = find(...args);
  if ('status' in found) return found.status;
  if (found.kind === 'route') return `${found.route.upstreamHost ?? ''}${found.route.name}`;
  return found.kind === 'aggregate' ? `aggregate ${found.aggregate.name}` : found.service;
}

describe('choosing a route', () => {
  it('takes the highest priority, then the order of the file, never the more specific', () => {
    assert.equal(chosen([to('/goods/{x}'), to('/goods/delete')], '/goods/delete'), '/goods/{x}');
    const routes = [to('/goods/{x}'), to('/goods/delete', { Priority: 2 })];
    assert.equal(chosen(routes, '/goods/delete'), '/goods/delete');
  });

  it('takes the more specific with RouteOrder Specificity, behind priority', () => {
    const bySpecificity = { GlobalConfiguration: { RouteOrder: 'specificity' } };
    const choose = (routes: readonly object[], path: string) => chosen(routes, path, {}, bySpecificity);
    assert.equal(choose([to('/goods/{x}'), to('/goods/delete')], '/goods/delete'), '/goods/delete');
    assert.equal(choose([to('/{a}/x/{b}'), to('/s/{a}/{b}')], '/s/x/1'), '/s/{a}/{b}');
    assert.equal(choose([to('/s/{a}/x'), to('/s/v{a}/x')], '/s/v1/x'), '/s/v{a}/x');
    assert.equal(choose([to('/s/{all}'), to('/s')], '/s'), '/s');
    assert.equal(choose([to('/s/{all}', { Priority: 2 }), to('/s')], '/s'), '/s/{all}');
    const more = to('/s', { UpstreamHeaderTemplates: { region: 'eu' }, DownstreamPathTemplate: '/eu' });
    const config = readGatewayConfig(JSON.stringify({ Routes: [to('/s'), more], ...bySpecificity }));
    const found = createRouteTable(config).find(requestFor('/s', { headers: [['Region', 'EU']] }));
    assert.ok(!('status' in found) && found.kind === 'route');
    assert.equal(found.route.downstreamTemplate, '/eu');
  });

  it('tries the lone catch-all last whatever its priority', () => {
    assert.equal(chosen([to('/{x}', { Priority: 9 }), to('/a/{x}')], '/a/b'), '/a/{x}');
    assert.equal(chosen([to('/{x}', { Priority: 9 }), to('/a/{x}')], '/b'), '/{x}');
  });

  it('prefers a matching host over any priority', () => {
    const routes = [to('/a', { Priority: 9 }), to('/a', { UpstreamHost: 'Shop.test' })];
    assert.equal(chosen(routes, '/a', { host: 'shop.TEST:8080' }), 'shop.test/a');
    assert.equal(chosen(routes, '/a', { host: 'other.test' }), '/a');
    assert.equal(chosen(routes, '/a', { host: 'a.shop.test' }), '/a');
  });

  it('compares hosts exactly when strict', () => {
    const text = JSON.stringify({ Routes: [to('/a', { UpstreamHost: 'Shop.test' })] });
    const { find: look } = createRouteTable(readGatewayConfig(text, { strict: true }));
    assert.ok('status' in look(requestFor('/a', { host: 'shop.test' })));
    assert.ok(!('status' in look(requestFor('/a', { host: 'Shop.test:1' }))));
  });

  it('takes another method for no route at all', () => {
    assert.equal(chosen([to('/a', { UpstreamHttpMethod: ['get'] })], '/a', { method: 'POST' }), 404);
    assert.equal(chosen([to('/a')], '/a', { method: 'POST' }), '/a');
    assert.equal(chosen([], '/a'), 404);
  });

  it('finds aggregates behind routes of the same priority', () => {
    const aggregates = { Aggregates: [{ UpstreamPathTemplate: '/both/{id}', RouteKeys: ['a'] }] };
    const routes = [to('/a', { Key: 'a' })];
    assert.equal(chosen(routes, '/both/7', {}, aggregates), 'aggregate /both/{id}');
    assert.equal(chosen(routes, '/both/7', { method: 'POST' }, aggregates), 404, 'GET is their default');
    assert.equal(chosen([...routes, to('/both/{x}')], '/both/7', {}, aggregates), '/both/{x}');
  });

  it('refuses path parameters that would change the route when stripped', () => {
    const routes = [to('/admin/{x}'), to('/{x}')];
    assert.equal(chosen(routes, '/admin;v=1/users'), 400);
    assert.equal(chosen(routes, '/admin/users;v=1'), '/admin/{x}');
    assert.equal(chosen(routes, '/other;v=1'), '/{x}');
  });
});

describe('header templates', () => {
  const eu = to('/a', { UpstreamHeaderTemplates: { Region: 'eu-{header:zone}' } });
  const values = (value: readonly string[], route: object = eu) => {
    const headers = value.map((one) => ['region', one] as const);
    const found = find([route], '/a', { headers });
    return 'status' in found ? undefined : Object.fromEntries(found.values);
  };

  it('must match the whole value, and give placeholders', () => {
    assert.deepEqual(values(['EU-west']), { zone: 'west' });
    assert.equal(values(['eu-']), undefined, 'a placeholder is never empty');
    assert.equal(values(['x eu-west']), undefined);
    assert.equal(values([]), undefined);
  });

  it('join repeated headers with a comma', () => {
    assert.deepEqual(values(['eu-a', 'b']), { zone: 'a%2Cb' });
  });

  it('compare with case when the route does', () => {
    const route = { ...eu, RouteIsCaseSensitive: true };
    assert.equal(values(['EU-west'], route), undefined);
    assert.deepEqual(values(['eu-West'], route), { zone: 'West' });
  });

  it('take braces without header: as they are', () => {
    const route = to('/a', { UpstreamHeaderTemplates: { Region: 'my_{header}' } });
    assert.deepEqual(values(['my_{header}'], route), {});
    assert.equal(values(['my_x'], route), undefined);
  });

  it('give values that stay in their segment', () => {
    assert.deepEqual(values(['eu-../x?y#z%2F']), { zone: '..%2Fx%3Fy%23z%252F' });
  });
});

describe('values', () => {
  const valuesOf = (strict: boolean) => {
    const text = JSON.stringify({ Routes: [to('/files/{name}')] });
    const found = createRouteTable(readGatewayConfig(text, { strict })).find(requestFor('/files/R&D'));
    return 'status' in found ? undefined : found.values.get('name');
  };

  it('are whole, in strict mode cut at the first ampersand', () => {
    assert.equal(valuesOf(false), 'R&D');
    assert.equal(valuesOf(true), 'R');
  });
});

describe('dynamic routes', () => {
  const config = {
    DynamicRoutes: [{ ServiceName: 'order', ServiceNamespace: 'shop', Timeout: 3 }],
    GlobalConfiguration: { ServiceDiscoveryProvider: { Host: 'consul', Port: 8500 }, Timeout: 9 },
  };
  const look = (target: string) => {
    const found = find([], target, {}, config);
    if ('status' in found || found.kind !== 'dynamic') return undefined;
    const { service, namespace, path, policy } = found;
    return [service, namespace, path, policy.timeoutMs];
  };

  it('take the service from the first segment and the options from its entry, else the global ones', () => {
    assert.deepEqual(look('/order/7/lines?x=1'), ['order', 'shop', '/7/lines', 3_000]);
    assert.deepEqual(look('/basket/'), ['basket', undefined, '/', 9_000]);
    assert.deepEqual(look('/basket'), ['basket', undefined, '/', 9_000]);
    assert.deepEqual(look('/eu.order/7'), ['order', 'eu', '/7', 3_000]);
  });

  it('know no service that is no plain name', () => {
    for (const target of ['/', '/a%20b/x', '/a;b/x', '/a.b.c/x', '/a:b', '/a./x'])
      assert.equal(look(target), undefined, target);
  });
});

describe('the index', () => {
  it('finds what looking at every route finds', () => {
    const random = seededRandom(11);
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
    const segments = ['a', 'b', 'Ab', '{x}', 'v{x}', 'a{x}-{y}', 'c'];
    const template = () => {
      const parts = Array.from({ length: 1 + Math.floor(random() * 3) }, (_, index) =>
        pick(segments).replaceAll(/[xy]\}/g, (name) => `${index}${name}`),
      );
      return `/${parts.join('/')}${pick(['', '', '/', '/{rest}', '?{all}', '?q={q}'])}`;
    };
    let found = 0;
    for (let round = 0; round < 60; round += 1) {
      const routes = Array.from({ length: 30 }, (_, index) =>
        to(template(), {
          UpstreamHost: pick([undefined, undefined, undefined, `h${index % 2}`]),
          UpstreamHttpMethod: pick([[], [], ['GET'], ['POST', 'PUT']]),
          Priority: pick([0, 1, 1, 2]),
          RouteIsCaseSensitive: random() < 0.2,
          UpstreamHeaderTemplates: { n: String(index % 3) },
        }),
      );
      const distinct = [
        ...new Map(routes.map((route) => [route.UpstreamPathTemplate.toLowerCase(), route])).values(),
      ];
      const order = pick(['Priority', 'Specificity']);
      const config = readGatewayConfig(
        JSON.stringify({ Routes: distinct, GlobalConfiguration: { RouteOrder: order } }),
      );
      const table = createRouteTable(config);
      const candidates = orderCandidates(config);
      for (let request = 0; request < 60; request += 1) {
        const texts = Array.from({ length: Math.floor(random() * 5) }, () =>
          pick(['a', 'b', 'AB', 'v1', 'a1-2', 'c', 'x', 'a-']),
        );
        const path = `/${texts.join('/')}${texts.length > 0 ? pick(['', '', '/']) : ''}`;
        const head = requestFor(`${path}${pick(['', '?q=1', '?z=1'])}`, {
          host: pick(['h0', 'h1', 'other']),
          method: pick(['GET', 'POST'] as const),
          headers: [['n', String(Math.floor(random() * 3))]],
        });
        const lower = path.toLowerCase();
        const expected = candidates.find(
          (candidate) => tryCandidate(candidate, head, path, lower, hostName(head.host, false)) !== undefined,
        );
        const actual = table.find(head);
        if (expected !== undefined) found += 1;
        assert.equal(
          'route' in actual ? actual.route : undefined,
          expected?.match,
          `${path} in round ${round}`,
        );
      }
    }
    assert.ok(found > 500, `only ${found} were found`);
  });

  it('looks at a handful of ten thousand routes', () => {
    const routes = Array.from({ length: 10_000 }, (_, index) => to(`/api/service-${index}/{rest}`));
    const table = createRouteTable(readGatewayConfig(JSON.stringify({ Routes: routes })));
    const started = performance.now();
    for (let index = 0; index < 10_000; index += 1)
      assert.ok(!('status' in table.find(requestFor(`/api/service-${index}/a/b`))));
    assert.ok(performance.now() - started < 8_000, 'a look-up must not depend on the number of routes');
  });
});
