import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { register } from '@flotilla/discovery';
import { startRegistry } from '@flotilla/discovery/registry';
import { DISCOVERY_SETTINGS, discoverySettings, readEnvironment } from '@flotilla/process';
import { createMetrics, silentLogger as logger } from '@flotilla/telemetry';
import { openResolver } from './open-resolver.ts';

async function open(t: TestContext, env: Readonly<Record<string, string>>) {
  const closers: (() => Promise<void>)[] = [];
  const defer = (_name: string, close: () => Promise<void>) => void closers.push(close);
  const settings = discoverySettings(readEnvironment(env, DISCOVERY_SETTINGS));
  const resolver = await openResolver(settings, { logger, metrics: createMetrics(), defer });
  const close = async () => {
    for (const one of closers.splice(0)) await one();
  };
  t.after(close);
  return { resolver, close };
}

describe('where the other services are', () => {
  it('is said by the registry, and by what was kept of it while it is away', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'flotilla-discovery-'));
    t.after(() => rm(folder, { recursive: true }));
    const registry = await startRegistry({ port: 0 });
    const { url } = registry;
    const order = await register({
      url,
      service: 'order',
      id: 'order-1',
      host: '127.0.0.1',
      port: 4_001,
      logger,
    });
    const env = { REGISTRY_URL: url, DISCOVERY_CACHE: join(folder, 'kept/endpoints.json') };
    const first = await open(t, env);
    const [found] = await first.resolver.resolve('order');
    assert.equal(found?.port, 4_001);
    await first.close();
    await order.deregister();
    await registry.close();

    const second = await open(t, env);
    assert.deepEqual(await second.resolver.resolve('order'), [found]);
    const without = await open(t, { REGISTRY_URL: url });
    await assert.rejects(without.resolver.resolve('order'), { code: 'DISCOVERY_UNAVAILABLE' });
  });

  it('is nowhere when nothing says so', async (t) => {
    const { resolver } = await open(t, {});
    assert.deepEqual(await resolver.resolve('order'), []);
  });

  const refused: readonly (readonly [Readonly<Record<string, string>>, RegExp])[] = [
    [{ DISCOVERY: 'zookeeper' }, /DISCOVERY must be one of registry, kubernetes, dns/],
    [{ DISCOVERY: 'registry' }, /REGISTRY_URL is required/],
    [{ DISCOVERY: 'kubernetes' }, /KUBERNETES_SERVICE_HOST is not set/],
    [{ DISCOVERY: 'dns' }, /DISCOVERY_HOSTS must be like/],
    [{ DISCOVERY: 'dns', DISCOVERY_HOSTS: 'order.shop:8080' }, /DISCOVERY_HOSTS must be like/],
    [{ DISCOVERY: 'dns', DISCOVERY_HOSTS: '{service}.shop:70000' }, /DISCOVERY_HOSTS must be like/],
  ];
  for (const [env, problem] of refused)
    it(`is refused as ${JSON.stringify(env)}`, async (t) => {
      await assert.rejects(open(t, env), problem);
    });

  it('has no name that is none', async (t) => {
    const { resolver } = await open(t, { DISCOVERY: 'dns', DISCOVERY_HOSTS: '{service}.shop.svc:8080' });
    assert.deepEqual(await resolver.resolve('evil.example/'), []);
  });
});
