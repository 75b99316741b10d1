import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseGatewayConfig } from './config/parse-gateway-config.ts';
import { createRouteTable } from './route-table.ts';

const to = (UpstreamPathTemplate: string, more: object = {}) => ({
  UpstreamPathTemplate,
  DownstreamPathTemplate: '/',
  ServiceName: 'a',
  ...more,
});

function chosen(routes: readonly object[], path: string, host = 'h', method = 'GET'): string | undefined {
  const table = createRouteTable(parseGatewayConfig({ Routes: routes }));
  const head = { method, host, fields: new Map(), forwardable: [], body: { kind: 'none' } as const };
  const found = table.find(head, { path, query: '', withoutParameters: path });
  return found.ok ? `${found.value.route.upstreamHost ?? ''}${found.value.route.name}` : undefined;
}

describe('choosing a route', () => {
  it('takes the highest priority, then the order of the file, never the more specific', () => {
    assert.equal(chosen([to('/goods/{x}'), to('/goods/delete')], '/goods/delete'), '/goods/{x}');
    assert.equal(
      chosen([to('/goods/{x}'), to('/goods/delete', { Priority: 2 })], '/goods/delete'),
      '/goods/delete',
    );
  });

  it('tries the lone catch-all last whatever its priority', () => {
    assert.equal(chosen([to('/{x}', { Priority: 9 }), to('/a/{x}')], '/a/b'), '/a/{x}');
    assert.equal(chosen([to('/{x}', { Priority: 9 }), to('/a/{x}')], '/b'), '/{x}');
  });

  it('prefers a matching host over any priority', () => {
    const routes = [to('/a', { Priority: 9 }), to('/a', { UpstreamHost: 'Shop.test' })];
    assert.equal(chosen(routes, '/a', 'shop.test:8080'), 'shop.test/a');
    assert.equal(chosen(routes, '/a', 'other.test'), '/a');
  });

  it('takes another method for no route at all', () => {
    assert.equal(chosen([to('/a', { UpstreamHttpMethod: ['get'] })], '/a', 'h', 'POST'), undefined);
    assert.equal(chosen([to('/a')], '/a', 'h', 'POST'), '/a');
  });
});
