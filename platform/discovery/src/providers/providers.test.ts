import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createManualClock, eventually } from '@flotilla/kernel/testing';
import type { Endpoint, Resolver } from '../endpoint.ts';
import { registryUnavailable } from '../errors.ts';
import { createDnsResolver, type DnsRecord } from './dns-resolver.ts';
import { keepEndpoints } from './kept-endpoints.ts';

describe('endpoints by DNS', () => {
  function world() {
    const clock = createManualClock();
    const dns = { records: [] as DnsRecord[], isDown: false, asked: 0 };
    const resolver = createDnsResolver({
      services: { order: { host: 'order.internal', port: 80, grpcPort: 90 } },
      clock,
      lookup: async (host) => {
        assert.equal(host, 'order.internal');
        dns.asked += 1;
        if (dns.isDown) throw new Error('SERVFAIL');
        return dns.records;
      },
    });
    const hosts = async () => (await resolver.resolve('order')).map(({ host }) => host).join();
    return { clock, dns, resolver, hosts };
  }

  it('may follow a rule for any service, or none', async () => {
    const resolver = createDnsResolver({
      services: (service) =>
        service === 'nobody' ? undefined : { host: `${service}.shop.internal`, port: 8_080 },
      lookup: async (host) => {
        assert.equal(host, 'cart.shop.internal');
        return [{ address: '10.0.0.7', ttlSeconds: 5 }];
      },
    });
    assert.deepEqual(await resolver.resolve('cart'), [
      { id: 'cart@10.0.0.7:8080', service: 'cart', host: '10.0.0.7', port: 8_080 },
    ]);
    assert.deepEqual(await resolver.resolve('nobody'), []);
  });

  it('are asked for again when their time is over, although nothing has failed', async () => {
    const { clock, dns, resolver, hosts } = world();
    dns.records = [
      { address: '10.0.0.2', ttlSeconds: 2 },
      { address: '10.0.0.1', ttlSeconds: 60 },
    ];
    assert.equal(await hosts(), '10.0.0.1,10.0.0.2');
    const before = resolver.known?.('order');
    await clock.advance(1_900);
    assert.equal(resolver.known?.('order'), before);
    assert.equal(dns.asked, 1);
    dns.records = [{ address: '10.0.0.3', ttlSeconds: 3_600 }];
    await clock.advance(200);
    assert.equal(await hosts(), '10.0.0.1,10.0.0.2', 'nobody waits for the new answer');
    await eventually('the new one', async () => (await hosts()) === '10.0.0.3');
    await clock.advance(5_000);
    await hosts();
    assert.equal(dns.asked, 3, 'no answer is believed for an hour');
  });

  it('stay while the name server fails, and go when the name has none any more', async () => {
    const { clock, dns, hosts } = world();
    dns.records = [{ address: '10.0.0.1', ttlSeconds: 1 }];
    await hosts();
    dns.isDown = true;
    await clock.advance(60_000);
    await hosts();
    await clock.advance(1);
    assert.equal(await hosts(), '10.0.0.1');
    dns.isDown = false;
    dns.records = [];
    await clock.advance(60_000);
    await eventually('none', async () => (await hosts()) === '');
  });

  it('are not there before the first answer, nor of a service that nobody has named', async () => {
    const { dns, hosts, resolver } = world();
    dns.isDown = true;
    await assert.rejects(hosts(), { code: 'DISCOVERY_UNAVAILABLE', retryable: true });
    assert.deepEqual(await resolver.resolve('evil.example'), []);
    assert.deepEqual(await resolver.resolve('toString'), []);
  });
});

describe('kept endpoints', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kept-'));
  });
  after(() => rm(folder, { recursive: true }));

  const order: readonly Endpoint[] = [
    { id: 'order-1', service: 'order', host: '10.0.0.1', port: 80, zone: 'z' },
  ];
  const answering = (endpoints: readonly Endpoint[]): Resolver => ({
    resolve: async () => endpoints,
    close: async () => undefined,
  });
  const silent: Resolver = {
    resolve: async (service) => {
      throw registryUnavailable(service, undefined);
    },
    close: async () => undefined,
  };

  it('let a process start while discovery is away, and say how old they are', async () => {
    const file = join(folder, 'new/endpoints.json');
    const clock = createManualClock();
    const first = await keepEndpoints(answering(order), { file, clock });
    assert.deepEqual(await first.resolve('order'), order);
    await first.close();
    await clock.advance(60_000);
    const second = await keepEndpoints(silent, { file, clock });
    assert.deepEqual(await second.resolve('order'), order);
    assert.deepEqual(second.describe(), [{ service: 'order', instances: 1, from: 'kept', ageMs: 60_000 }]);
    await assert.rejects(second.resolve('cart'), { code: 'DISCOVERY_UNAVAILABLE' });
    await clock.advance(86_400_000);
    await assert.rejects(second.resolve('order'), { code: 'DISCOVERY_UNAVAILABLE' }, 'too old');
    await second.close();
  });

  it('give way to the first answer, also to one that there is nobody', async () => {
    const file = join(folder, 'way.json');
    const first = await keepEndpoints(answering(order), { file });
    await first.resolve('order');
    await first.close();
    const second = await keepEndpoints(answering([]), { file });
    assert.deepEqual(await second.resolve('order'), []);
    assert.equal(second.describe()[0]?.from, 'discovery');
    await second.close();
    assert.match(await readFile(file, 'utf8'), /"endpoints":\[\]/);
  });

  it('that are damaged, half written or of another version are none', async () => {
    for (const [name, text] of Object.entries({
      garbage: '{"version":1,',
      version: '{"version":2,"services":{}}',
      entries: '{"version":1,"services":{"order":{"endpoints":[{"id":1}],"heardAtMs":1}}}',
    })) {
      const file = join(folder, `${name}.json`);
      await writeFile(file, text);
      const kept = await keepEndpoints(silent, { file });
      await assert.rejects(kept.resolve('order'), { code: 'DISCOVERY_UNAVAILABLE' }, name);
      await kept.close();
    }
    const nowhere = await keepEndpoints(answering(order), { file: join(folder, 'garbage.json/x') });
    assert.deepEqual(await nowhere.resolve('order'), order, 'a file that cannot be written stops nobody');
    await nowhere.close();
  });
});
