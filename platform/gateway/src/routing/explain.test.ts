import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { requestFor } from '../../test/requests.ts';
import { readGatewayConfig } from '../config/read-gateway-config.ts';
import { explainRequest, explainUrl } from './explain.ts';
import { formatExplanation } from './format-explanation.ts';

const to = (UpstreamPathTemplate: string, more: object = {}) => ({
  UpstreamPathTemplate,
  DownstreamPathTemplate: UpstreamPathTemplate,
  DownstreamHostAndPorts: [{ Host: 'back', Port: 81 }],
  ...more,
});

const ROUTES = [
  to('/orders/{id}', { DownstreamPathTemplate: '/api/{id}?from=web', Key: 'order', Timeout: 5 }),
  to('/orders/{id}/lines', { UpstreamHttpMethod: ['GET'] }),
  to('/{all}', { UpstreamHttpMethod: ['GET', 'POST'] }),
  to('/orders/7', { UpstreamHost: 'admin.test' }),
  to('/orders/{x}?page={page}'),
  to('/orders/{y}', { UpstreamHeaderTemplates: { region: 'eu' } }),
];

function explain(
  target: string,
  options: Parameters<typeof requestFor>[1] = {},
  root: object = { Routes: ROUTES },
) {
  return explainRequest(readGatewayConfig(JSON.stringify(root)), requestFor(target, options));
}

describe('explaining a request', () => {
  it('shows which route wins and what the back end gets', () => {
    const { winner, refusal } = explain('/orders/7?x=1');
    assert.equal(refusal, undefined);
    assert.equal(winner?.place, 'Routes[0]');
    assert.deepEqual(winner?.values, { id: '7' });
    const [call] = winner?.upstream ?? [];
    assert.equal(call?.url, 'http://back:81/api/7?from=web&x=1');
    assert.ok(call?.policies.includes('timeout 5 s'));
  });

  it('says of every other why it does not', () => {
    const { others } = explain('/orders/7', { method: 'DELETE' });
    assert.deepEqual(Object.fromEntries(others.map(({ place, reasons }) => [place, reasons])), {
      'Routes[1]': ['the path does not match', 'the method must be GET'],
      'Routes[2]': ['the method must be GET or POST'],
      'Routes[3]': ['the host must be admin.test'],
      'Routes[4]': ['the query does not match'],
      'Routes[5]': ['the headers must match region: eu'],
    });
  });

  it('knows escaped slashes, and methods that routes name', () => {
    const root = {
      Routes: [
        to('/a/{id}', { UpstreamHttpMethod: ['GET'] }),
        to('/b/{id}', { EncodedSlashes: 'Pass', UpstreamHttpMethod: ['PURGE'] }),
      ],
    };
    const config = readGatewayConfig(JSON.stringify(root));
    const passed = explainUrl(config, { method: 'PURGE', url: '/b/x%2Fy', headers: [] });
    assert.equal(passed.winner?.upstream[0]?.url, 'http://back:81/b/x%2Fy');
    const refused = explainUrl(config, { method: 'GET', url: '/a/x%2Fy', headers: [] });
    assert.equal(refused.refusal?.status, 400);
    assert.match(
      refused.others[0]?.reasons.join() ?? '',
      /escaped slashes, which EncodedSlashes does not pass/,
    );
  });

  it('says what is behind and why', () => {
    const headers = [['region', 'eu']] as const;
    const { winner, others } = explain('/orders/7', { host: 'admin.test', headers });
    assert.equal(winner?.place, 'Routes[3]');
    const reasonOf = (place: string) => others.find((other) => other.place === place)?.reasons[0];
    assert.match(reasonOf('Routes[0]') ?? '', /UpstreamHost comes first/);
    const plain = explain('/orders/7', { headers });
    const reasons = new Map(plain.others.map(({ place, reasons: [reason] }) => [place, reason]));
    assert.match(reasons.get('Routes[5]') ?? '', /listed later with the same Priority/);
    assert.match(reasons.get('Routes[2]') ?? '', /Priority 0 is lower than 1/);
  });

  it('shows what the client gets when there is none', () => {
    const { winner, refusal } = explain('/nothing', { method: 'PUT' });
    assert.equal(winner, undefined);
    assert.equal(refusal?.status, 404);
    assert.equal(explain('/orders;v=1/7').refusal?.status, 400);
  });

  it('shows every call of an aggregate', () => {
    const both = { UpstreamPathTemplate: '/both/{id}', RouteKeys: ['order', 'user'], Priority: 2 };
    const routes = [ROUTES[0], to('/users/{id}', { Key: 'user' })];
    const { winner } = explain('/both/9', {}, { Routes: routes, Aggregates: [both] });
    assert.equal(winner?.place, 'Aggregates[0]');
    assert.deepEqual(
      winner?.upstream.map(({ url }) => url),
      ['http://back:81/api/9?from=web', 'http://back:81/users/9'],
    );
  });

  it('shows the service of a dynamic route', () => {
    const provider = { ServiceDiscoveryProvider: { Host: 'consul', Port: 8500 } };
    const { winner } = explain('/order/7?x=1', {}, { GlobalConfiguration: provider });
    assert.equal(winner?.upstream[0]?.url, 'http://order/7?x=1');
  });

  it('takes a whole URL, and refuses what the gateway refuses', () => {
    const config = readGatewayConfig(JSON.stringify({ Routes: ROUTES }));
    const winnerOf = (url: string, method = 'GET', headers: readonly [string, string][] = []) => {
      const { winner, refusal } = explainUrl(config, { method, url, headers });
      return winner?.place ?? refusal?.status;
    };
    assert.equal(winnerOf('http://admin.test:8080/orders/7?x=1'), 'Routes[3]');
    assert.equal(winnerOf('/orders/7', 'GET', [['Host', 'admin.test']]), 'Routes[3]');
    assert.equal(winnerOf('https://h?x=1'), 'Routes[2]');
    assert.equal(winnerOf('/orders/../x'), 400);
    assert.equal(winnerOf('/orders', 'get'), 405);
  });

  it('can be read by people', () => {
    const text = formatExplanation(explain('/orders/7', { method: 'DELETE' }));
    assert.match(
      text,
      /^DELETE \/orders\/7 \(Host: shop\.test\)\n\n {2}route Routes\[0\] {2}\/orders\/\{id\}\n/,
    );
    assert.match(text, /→ DELETE http:\/\/back:81\/api\/7\?from=web\n/);
    assert.match(text, /Routes\[2\] {2}\/\{all\}: the method must be GET or POST/);
    assert.ok(text.indexOf('Routes[3]') < text.indexOf('Routes[1]'), 'another path is further away');
  });
});
