import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { assertProblems, problemsFrom, ROUTE } from '../../test/config.ts';
import { loadConfigFiles } from './files.ts';
import { readGatewayConfig } from './read-gateway-config.ts';

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

const one = (more: object) => ({ ...ROUTE, ...more });

async function folderOf(t: TestContext, files: Readonly<Record<string, object>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-files-'));
  t.after(() => rm(folder, { recursive: true }));
  for (const [name, content] of Object.entries(files))
    await writeFile(join(folder, name), JSON.stringify(content));
  return folder;
}

describe('the environment', () => {
  const HOSTS = [{ Host: 'localhost', Port: 5001 }];
  const base = { Routes: [one({ DownstreamHostAndPorts: HOSTS }), one({ UpstreamPathTemplate: '/b' })] };
  const hostOf = ({ routes }: ReturnType<typeof readGatewayConfig>, index = 0) => {
    const target = routes[index]?.target;
    return target?.kind === 'hosts' ? target.hosts[0] : undefined;
  };

  it('lays its own file over the others, objects by key and lists by position', async (t) => {
    const over = {
      routes: [{ downstreamHostAndPorts: [{ Host: 'orders' }] }],
      GlobalConfiguration: { Timeout: 7 },
    };
    const folder = await folderOf(t, {
      'ocelot.json': base,
      'ocelot.Production.json': over,
      'ocelot.Other.json': { Routes: [] },
    });
    const load = async (env: Record<string, string>) =>
      readGatewayConfig(await loadConfigFiles(join(folder, 'ocelot.json'), { env }));
    const laid = await load({ ASPNETCORE_ENVIRONMENT: 'Production' });
    assert.deepEqual([hostOf(laid)?.host, hostOf(laid)?.port, laid.routes.length], ['orders', 5001, 2]);
    assert.equal(laid.routes[1]?.timeoutMs, 7_000);
    assert.equal(hostOf(await load({ DOTNET_ENVIRONMENT: 'Staging' }))?.host, 'localhost');
    assert.equal(hostOf(await load({}))?.host, 'localhost');
  });

  it('is no part of a merged folder, but laid over it', async (t) => {
    const folder = await folderOf(t, {
      'ocelot.a.json': base,
      'ocelot.Production.json': { Routes: [{ DownstreamHostAndPorts: [{ Host: 'orders' }] }] },
    });
    const env = { ASPNETCORE_ENVIRONMENT: 'Production' };
    const { routes } = readGatewayConfig(await loadConfigFiles(folder, { env }));
    assert.equal(routes.length, 2);
    const config = readGatewayConfig(await loadConfigFiles(folder, { env }));
    assert.equal(hostOf(config)?.host, 'orders');
  });

  it('sets keys by the names of its variables, and stands in values', () => {
    const text = JSON.stringify({
      ...base,
      GlobalConfiguration: { BaseUrl: ['https://', '{PUBLIC_HOST}/x'].join('$') },
    });
    const config = readGatewayConfig({
      files: [{ name: 'the file', text }],
      env: {
        Routes__0__DownstreamHostAndPorts__0__Port: '8080',
        routes__1__key: 'b',
        GlobalConfiguration__RequestIdKey: 'X-Id',
        PUBLIC_HOST: 'shop.example',
        PATH: '/bin',
      },
    });
    assert.equal(hostOf(config)?.port, 8080);
    assert.equal(config.routes[1]?.key, 'b');
    assert.equal(config.routes[0]?.requestIdKey, 'X-Id');
    assert.equal(config.baseUrl, 'https://shop.example/x');
    const problems = problemsFrom(() => readGatewayConfig({ files: [{ name: 'the file', text }], env: {} }));
    assertProblems(problems, [/^GlobalConfiguration\.BaseUrl: the variable PUBLIC_HOST is not set$/]);
  });
});

describe('files that Ocelot starts with', () => {
  const read = (content: object, registered = {}) =>
    readGatewayConfig(JSON.stringify(content), { registered });

  it('have the names of Ocelot 15 and before', () => {
    const { routes, aggregates } = read({
      ReRoutes: [
        one({ Key: 'a', ReRouteIsCaseSensitive: true }),
        one({ Key: 'b', UpstreamPathTemplate: '/b' }),
      ],
      Aggregates: [{ UpstreamPathTemplate: '/all', ReRouteKeys: ['a', 'b'] }],
    });
    assert.deepEqual([routes.length, routes[0]?.caseSensitive], [2, true]);
    assert.deepEqual(aggregates[0]?.routeKeys, ['a', 'b']);
  });

  it('have a route, or they are not what they seem', () => {
    assertProblems(
      problemsFrom(() => read({ Rutes: [ROUTE] })),
      [/the file has no Routes, but Rutes/],
    );
    assert.equal(read({ Routes: [] }).routes.length, 0);
  });

  it('have statuses, metadata and header values that mean something to Ocelot alone', () => {
    const limit = { Period: '1s', Limit: 1, HttpStatusCode: 999 };
    const { routes, warnings } = read({
      Routes: [
        one({
          RateLimitOptions: limit,
          Metadata: { id: 3, stub: { name: 'London' }, list: ['a'], text: 'b' },
          AddHeadersToRequest: { 'X-Version': '2' },
        }),
      ],
    });
    assert.equal(routes[0]?.rateLimit?.status, 999);
    assert.deepEqual(Object.fromEntries(routes[0]?.metadata ?? []), {
      id: '3',
      stub: '{"name":"London"}',
      list: '["a"]',
      text: 'b',
    });
    assert.equal(routes[0]?.claims.toHeaders.size, 0);
    assert.ok(warnings.some((warning) => /X-Version: 2 .* ignored as in Ocelot/.test(warning)));
  });

  it('have hosts that a tool was to replace: the start is no place to find that out', () => {
    const { warnings } = read({ Routes: [one({ DownstreamHostAndPorts: [{ Host: '{Users}', Port: 80 }] })] });
    assert.ok(
      warnings.some((warning) => /\{Users\} is no host name .* 502/.test(warning)),
      warnings.join(),
    );
  });

  it('have discovery of any kind, where code finds the services', () => {
    const content = {
      Routes: [one({ ServiceName: 'values' })],
      GlobalConfiguration: { ServiceDiscoveryProvider: { Type: 'Kube', Namespace: 'dev' } },
    };
    const { discovery, warnings } = read(content, { discovery: true });
    assert.equal(discovery, undefined);
    assert.ok(warnings.some((warning) => /Kube is not known here/.test(warning)));
    assertProblems(
      problemsFrom(() => read(content)),
      [/Kube is an unknown service discovery type/],
    );
  });
});
