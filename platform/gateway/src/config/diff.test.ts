import assert from 'node:assert/strict';
import { it } from 'node:test';
import { diffConfigs } from './diff.ts';
import { readGatewayConfig } from './read-gateway-config.ts';

const to = (UpstreamPathTemplate: string, more: object = {}) => ({
  UpstreamPathTemplate,
  DownstreamPathTemplate: '/',
  DownstreamHostAndPorts: [{ Host: 'a', Port: 80 }],
  ...more,
});

const diff = (before: object, after: object) =>
  diffConfigs(readGatewayConfig(JSON.stringify(before)), readGatewayConfig(JSON.stringify(after)));

it('a diff names routes that came, went and changed, and in what', () => {
  const before = { Routes: [to('/a'), to('/b', { CacheOptions: { TtlSeconds: 1 } }), to('/c')] };
  const after = {
    Routes: [
      to('/b', { CacheOptions: { TtlSeconds: 2 }, Timeout: 3, UpstreamHttpMethod: [] }),
      to('/a'),
      to('/d', { UpstreamHttpMethod: ['GET'] }),
    ],
    GlobalConfiguration: { BaseUrl: 'http://x' },
  };
  assert.deepEqual(diff(before, after), [
    'route removed: ANY /c',
    'route changed: ANY /b: cache.ttlMs, timeoutMs',
    'route added: GET /d',
    'order of routes changed',
    'global options changed: baseUrl',
  ]);
});

it('a diff of the same in other words is empty', () => {
  assert.deepEqual(diff({ Routes: [to('/a')] }, { routes: [to('/a', { Priority: '1' })], Zzz: 1 }), []);
});

it('a diff shows no values', () => {
  const withSecret = (Secret: string) => ({
    GlobalConfiguration: { AuthenticationProviders: { A: { Secret } } },
  });
  assert.deepEqual(diff(withSecret('x'.repeat(32)), withSecret('y'.repeat(32))), [
    'authentication provider changed: A: keys.secret',
  ]);
});

it('a diff tells two routes for one path apart', () => {
  const eu = to('/a', { UpstreamHeaderTemplates: { region: 'eu' } });
  assert.deepEqual(diff({ Routes: [eu] }, { Routes: [eu, to('/a')] }), ['route added: ANY /a']);
});
