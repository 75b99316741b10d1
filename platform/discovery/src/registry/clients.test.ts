import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import Consul from 'consul';
import { type Api, apiOf } from '../../test/registry-api.ts';
import { startRegistry } from './start-registry.ts';

const judge = process.env['FLOTILLA_TEST_CONSUL'];

describe('clients of Consul on the embedded registry', () => suite(async () => startRegistry({ port: 0 })));
if (judge !== undefined)
  describe('clients of Consul on a real one', () =>
    suite(async () => ({ url: judge, close: async () => undefined })));

function suite(start: () => Promise<{ readonly url: string; close(): Promise<void> }>): void {
  let server: Awaited<ReturnType<typeof start>>;
  let api: Api;
  let consul: Consul;
  before(async () => {
    server = await start();
    api = apiOf(server.url);
    const { hostname, port } = new URL(server.url);
    consul = new Consul({ host: hostname, port: Number(port) });
  });
  after(() => server.close());

  it('npm: an instance registers, is watched, fails, expires and leaves', async () => {
    const name = api.name('npm');
    const id = `${name}/ü:1`;
    const watch = consul.watch({
      method: consul.health.service,
      options: { service: name, passing: true } as never,
    });
    const seen: string[] = [];
    watch.on('change', (entries: readonly unknown[]) => seen.push(String(entries.length)));
    watch.on('error', (error: Error) => seen.push(error.message));
    await eventually('nobody', () => seen.at(-1) === '0');
    await consul.agent.service.register({
      name,
      id,
      address: '127.0.0.1',
      port: 4001,
      tags: ['v1'],
      check: { ttl: '2s', deregistercriticalserviceafter: '1m' },
    } as never);
    await consul.agent.check.pass(`service:${id}`);
    await eventually('one', () => seen.at(-1) === '1');
    const [entry] = (await consul.health.service({ service: name, passing: true })) as unknown as readonly {
      readonly Service: { readonly ID: string; readonly Tags: readonly string[] };
    }[];
    assert.deepEqual([entry?.Service.ID, entry?.Service.Tags], [id, ['v1']]);
    await consul.agent.check.fail({ id: `service:${id}`, note: 'ill' });
    await eventually('none', () => seen.at(-1) === '0');
    await consul.agent.check.pass(`service:${id}`);
    await eventually('one', () => seen.at(-1) === '1');
    await eventually('expired', () => seen.at(-1) === '0');
    await consul.agent.service.maintenance({ id, enable: true, reason: 'why not' });
    await consul.agent.service.deregister(id);
    watch.end();
    await assert.rejects(consul.agent.service.deregister(id), /not found/);
    assert.deepEqual(await consul.health.service(name), []);
  });

  it('npm: keys, locks, transactions', async () => {
    const key = `${api.name('npm')}/a b`;
    assert.equal(await consul.kv.get(key), undefined);
    assert.equal(await consul.kv.set(key, 'one'), true);
    const found = (await consul.kv.get(key)) as unknown as { Value: string; ModifyIndex: number };
    assert.equal(found.Value, 'one');
    assert.notEqual(await consul.kv.set({ key, value: 'two', cas: found.ModifyIndex - 1 }), true);
    const { ID } = (await consul.session.create({
      name: 'lock',
      ttl: '10s',
      lockdelay: '1s',
    })) as unknown as { ID: string };
    assert.equal(await consul.kv.set({ key, value: 'mine', acquire: ID }), true);
    await consul.session.renew(ID);
    assert.equal(await consul.kv.set({ key, value: 'free', release: ID }), true);
    assert.deepEqual(await consul.kv.keys(key), [key]);
    await consul.transaction.create([{ KV: { Verb: 'set', Key: key, Value: 'dGhyZWU=' } }] as never);
    assert.equal(((await consul.kv.get(key)) as unknown as { Value: string }).Value, 'three');
    await consul.kv.del({ key, recurse: true });
    assert.equal(await consul.kv.get(key), undefined);
    await consul.session.destroy(ID);
  });

  it('Go: what its client sends is understood', async () => {
    const web = api.name('go');
    const registration = {
      ID: web,
      Name: web,
      Tags: ['a'],
      Port: 80,
      Address: '127.0.0.1',
      Weights: { Passing: 2, Warning: 1 },
      Check: { TTL: '15s', Status: 'passing', DeregisterCriticalServiceAfter: '1m30s' },
      Checks: null,
    };
    await api.register(registration);
    assert.equal(
      (await api.call('PUT', `agent/check/update/service:${web}`, { Status: 'passing', Output: 'x' })).status,
      200,
    );
    const { entries, index } = await api.health(`${web}?passing=1&stale=`);
    assert.equal(entries.length, 1);
    const held = api.health(`${web}?index=${index}&passing=1&wait=60000ms`);
    await api.settled();
    await api.call('PUT', `agent/service/deregister/${web}`);
    assert.deepEqual((await held).entries, []);
    const session = { LockDelay: '15000ms', TTL: '15s', Name: 'Consul API Lock', Behavior: 'release' };
    const { ID } = JSON.parse((await api.call('PUT', 'session/create', session)).text) as { ID: string };
    assert.equal(
      (await api.call('PUT', `kv/${web}?acquire=${ID}&flags=3304740253564472344`, '')).text,
      'true',
    );
    const { text } = await api.call('GET', `kv/${web}?consistent=&wait=15000ms`);
    assert.match(text, /"Flags":\s*3304740253564472344/, 'flags have 64 bits: a lock knows itself by them');
    await api.call('PUT', `session/destroy/${ID}`);
  });

  it('.NET: what its client and Ocelot send is understood', async () => {
    const web = api.name('net');
    await api.register({
      ID: web,
      Name: web,
      Address: '127.0.0.1',
      Port: 5001,
      Tags: ['version-2'],
      Check: { DeregisterCriticalServiceAfter: '0h1m0s', TTL: '0h0m15s', Status: 'passing' },
    });
    await api.call('PUT', `agent/check/pass/service%3A${web}?note=`);
    const [entry] = (await api.health(`${web}?passing=1`)).entries;
    const nodes = await api.get<readonly { readonly Node: string }[]>('catalog/nodes');
    assert.ok(nodes.some(({ Node }) => Node === entry?.Node['Node']));
    for (const check of entry?.Checks ?? []) assert.match(check.Status, /^(?:passing|warning|critical)$/);
    const stored = await api.call('PUT', `kv/${web}?flags=0`, '{"Routes":[]}');
    assert.equal(stored.text, 'true');
    assert.match(String(stored.headers.get('content-type')), /^application\/json/);
  });
}
