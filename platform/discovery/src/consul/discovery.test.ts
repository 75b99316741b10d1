import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { systemClock } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { startRegistry } from '../registry/start-registry.ts';
import { createConsulResolver } from './consul-resolver.ts';
import { register } from './register.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function registryOn(port = 0) {
  const registry = await startRegistry({ host: '127.0.0.1', port });
  let closed = false;
  const close = async () => {
    if (!closed) await registry.close();
    closed = true;
  };
  cleanups.push(close);
  return { url: registry.url, port: Number(new URL(registry.url).port), close };
}

function resolverOf(url: string) {
  const resolver = createConsulResolver({ url });
  cleanups.push(() => resolver.close());
  return resolver;
}

async function announce(url: string, id: string, port: number, ttlSeconds = 10) {
  const instance = await register({
    url,
    service: 'order',
    id,
    host: '127.0.0.1',
    port,
    grpcPort: port + 1,
    ttlSeconds,
    logger: silentLogger,
  });
  cleanups.push(() => instance.deregister());
  return instance;
}

describe('discovery', () => {
  it('resolves an instance with its address and gRPC port', async () => {
    const { url } = await registryOn();
    await announce(url, 'order-1', 4001);
    assert.deepEqual(await resolverOf(url).resolve('order'), [
      { id: 'order-1', service: 'order', host: '127.0.0.1', port: 4001, grpcPort: 4002, zone: 'dc1' },
    ]);
  });

  it('tells how much it knows, and how old that is while the registry is away', async () => {
    const { url, close } = await registryOn();
    await announce(url, 'order-1', 4001);
    const metrics = createMetrics();
    let nowMs = Date.now();
    const clock = { ...systemClock, now: () => new Date(nowMs) };
    const resolver = createConsulResolver({ url, metrics, clock });
    cleanups.push(() => resolver.close());
    assert.doesNotMatch(metrics.render(), /discovery_age_seconds\{/);
    await resolver.resolve('order');
    assert.match(metrics.render(), /discovery_age_seconds\{service="order"\} 0\n/);
    await close();
    nowMs += 90_000;
    assert.match(metrics.render(), /discovery_age_seconds\{service="order"\} 90\n/);
    assert.match(metrics.render(), /discovery_instances\{service="order"\} 1\n/);
  });

  it('answers that a service has no instances, and learns of a new one at once', async () => {
    const { url } = await registryOn();
    const resolver = resolverOf(url);
    assert.deepEqual(await resolver.resolve('order'), []);
    await announce(url, 'order-1', 4001);
    const registeredAt = performance.now();
    await eventually('seen', async () => (await resolver.resolve('order')).length === 1);
    assert.ok(performance.now() - registeredAt < 20_000, 'a blocking query is woken, not polled');
  });

  it('forgets a deregistered instance at once', async () => {
    const { url } = await registryOn();
    const resolver = resolverOf(url);
    const first = await announce(url, 'order-1', 4001);
    await announce(url, 'order-2', 4003);
    await eventually('both', async () => (await resolver.resolve('order')).length === 2);
    await first.deregister();
    await eventually('one', async () => (await resolver.resolve('order')).length === 1);
  });

  it('replaces the address of an instance that registers again elsewhere', async () => {
    const { url } = await registryOn();
    const resolver = resolverOf(url);
    await announce(url, 'order-1', 4001);
    await resolver.resolve('order');
    await announce(url, 'order-1', 5001);
    await eventually('moved', async () => (await resolver.resolve('order'))[0]?.port === 5001);
    assert.equal((await resolver.resolve('order')).length, 1);
  });

  it('drops an instance that stopped its heartbeat', async () => {
    const { url } = await registryOn();
    const resolver = resolverOf(url);
    const body = { ID: 'order-1', Name: 'order', Address: '127.0.0.1', Port: 4001 };
    const check = { TTL: '300ms', Status: 'passing' };
    await fetch(`${url}/v1/agent/service/register`, {
      method: 'PUT',
      body: JSON.stringify({ ...body, Check: check }),
    });
    await eventually('seen', async () => (await resolver.resolve('order')).length === 1);
    await eventually('dropped', async () => (await resolver.resolve('order')).length === 0);
  });

  it('keeps an instance alive by its heartbeat beyond its TTL', async () => {
    const { url } = await registryOn();
    const resolver = resolverOf(url);
    await announce(url, 'order-1', 4001, 2);
    const startedAt = performance.now();
    await eventually('twice the TTL passed', async () => {
      assert.equal((await resolver.resolve('order')).length, 1);
      return performance.now() - startedAt > 4_200;
    });
  });

  it('is passing at once when it comes back with its id after its check had expired', async () => {
    const { url } = await registryOn();
    await fetch(`${url}/v1/agent/service/register`, {
      method: 'PUT',
      body: JSON.stringify({
        Name: 'order',
        ID: 'order-1',
        Port: 4001,
        Check: { TTL: '1h', Status: 'critical' },
      }),
    });
    await announce(url, 'order-1', 4001, 3_600);
    assert.equal((await resolverOf(url).resolve('order')).length, 1);
  });

  it('is not called while it is not ready for longer than its TTL, and called again when it is', async () => {
    const { url } = await registryOn();
    const resolver = resolverOf(url);
    let isReady = true;
    const instance = await register({
      url,
      service: 'order',
      id: 'order-1',
      host: '127.0.0.1',
      port: 4001,
      ttlSeconds: 1,
      isReady: async () => isReady,
      logger: silentLogger,
    });
    cleanups.push(() => instance.deregister());
    assert.equal((await resolver.resolve('order')).length, 1);
    isReady = false;
    await eventually('left out', async () => (await resolver.resolve('order')).length === 0);
    isReady = true;
    await eventually('back', async () => (await resolver.resolve('order')).length === 1);
  });

  it('keeps the last good answer while the registry is away and recovers when it is back', async () => {
    const registry = await registryOn();
    const resolver = resolverOf(registry.url);
    await announce(registry.url, 'order-1', 4001, 1);
    assert.equal((await resolver.resolve('order')).length, 1);
    await registry.close();
    assert.equal((await resolver.resolve('order')).length, 1);

    await registryOn(registry.port);
    await eventually('registered again', async () => {
      assert.equal((await resolver.resolve('order')).length, 1, 'an empty registry is not believed at first');
      const answer = await fetch(`${registry.url}/v1/health/service/order?passing`);
      return ((await answer.json()) as unknown[]).length === 1;
    });
    await announce(registry.url, 'order-2', 4003, 1);
    await eventually('follows changes again', async () => (await resolver.resolve('order')).length === 2);
  });

  it('fails with a retryable code when the registry was never reached', async () => {
    const resolver = createConsulResolver({ url: 'http://127.0.0.1:1', firstAnswerTimeoutMs: 100 });
    cleanups.push(() => resolver.close());
    await assert.rejects(resolver.resolve('order'), { code: 'DISCOVERY_UNAVAILABLE', retryable: true });
  });

  it('shows its token to the registry, and does not insist when that is refused', async () => {
    const tokens = [{ accessor: 'order', secret: 'order-secret', writes: ['order'] }];
    const registry = await startRegistry({ port: 0, tokens });
    cleanups.push(registry.close);
    const instance = { url: registry.url, host: '127.0.0.1', port: 4001, logger: silentLogger };
    const own = await register({ ...instance, token: 'order-secret', service: 'order', id: 'order-1' });
    const resolver = createConsulResolver({ url: registry.url, token: 'order-secret' });
    cleanups.push(() => resolver.close());
    assert.equal((await resolver.resolve('order')).length, 1);
    await assert.rejects(
      register({ ...instance, token: 'order-secret', service: 'identity', id: 'identity-1' }),
      { code: 'DISCOVERY_REGISTRATION_FAILED', retryable: false },
    );
    await own.deregister();
    await eventually('gone', async () => (await resolver.resolve('order')).length === 0);
  });

  it('fails with a retryable code when it cannot register', async () => {
    await assert.rejects(
      register({
        url: 'http://127.0.0.1:1',
        service: 'a',
        id: 'a',
        host: 'x',
        port: 1,
        logger: silentLogger,
      }),
      { code: 'DISCOVERY_REGISTRATION_FAILED', retryable: true },
    );
  });
});
