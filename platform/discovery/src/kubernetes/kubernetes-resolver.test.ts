import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { type Clock, systemClock } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { type Logger, silentLogger } from '@flotilla/telemetry';
import { type KubeStandIn, startKubeStandIn } from '../../test/kubernetes.ts';
import {
  createKubernetesResolver,
  type KubernetesResolverOptions,
  readClusterAccess,
} from './kubernetes-resolver.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function kube(): Promise<KubeStandIn> {
  const standIn = await startKubeStandIn();
  cleanups.push(standIn.close);
  return standIn;
}

const slice = (name: string, ...ids: readonly string[]) => ({
  metadata: { name },
  addressType: 'IPv4',
  ports: [{ name: 'http', port: 80 }],
  endpoints: ids.map((id, at) => ({ addresses: [`10.0.0.${at + 1}`], targetRef: { name: id } })),
});

function resolverOf({ url }: KubeStandIn, options: Partial<KubernetesResolverOptions> = {}) {
  const access = { url, namespace: 'shop', readToken: async () => 'secret' };
  const resolver = createKubernetesResolver({ ...access, ...options });
  cleanups.push(resolver.close);
  const ids = async () => (await resolver.resolve('order')).map(({ id }) => id).join();
  const become = (wanted: string) => eventually(`it is ${wanted}`, async () => (await ids()) === wanted);
  return { ...resolver, ids, become };
}

/** Pauses are short: how long they are is no question here. */
const fast: Clock = { now: systemClock.now, sleep: (ms, signal) => systemClock.sleep(ms / 20, signal) };

describe('Kubernetes', () => {
  it('is followed: what is there at first, then each change', async () => {
    const server = await kube();
    server.put(slice('one', 'a', 'b'));
    const order = resolverOf(server);
    assert.equal(order.known?.('order'), undefined);
    assert.equal(await order.ids(), 'a,b');
    const [{ url, token } = assert.fail('nothing was asked')] = server.requests;
    assert.match(url, /^\/apis\/discovery\.k8s\.io\/v1\/namespaces\/shop\/endpointslices\?/);
    assert.equal(
      new URL(url, 'http://x').searchParams.get('labelSelector'),
      'kubernetes.io/service-name=order',
    );
    assert.equal(token, 'Bearer secret');
    server.put(slice('two', 'c'));
    await order.become('a,b,c');
    server.put(slice('one', 'b'));
    await order.become('b,c');
    server.remove('two');
    await order.become('b');
    assert.equal(server.requests.length, 1);
  });

  it('says the same when nothing differs, and takes no bookmark for a slice', async () => {
    const server = await kube();
    server.put(slice('one', 'a', 'b'));
    const order = resolverOf(server);
    const before = await order.resolve('order');
    server.put(slice('one', 'b', 'a'));
    server.tell('BOOKMARK', { metadata: { resourceVersion: '10' }, endpoints: null });
    server.put(slice('two', 'c'));
    await order.become('a,b,c');
    server.remove('two');
    await order.become('a,b');
    assert.equal(before.length, 2);
    assert.deepEqual(
      await order.resolve('order'),
      before.map((one, at) => ({ ...one, host: `10.0.0.${2 - at}` })),
    );
  });

  it('an instance that went during an outage is gone after it, and nobody before', async () => {
    const server = await kube();
    server.put(slice('one', 'a'));
    server.put(slice('two', 'b'));
    const order = resolverOf(server, { clock: fast, firstAnswerTimeoutMs: 40_000 });
    assert.equal(await order.ids(), 'a,b');
    for (const how of ['reset', 'in order'] as const)
      for (const mode of ['html', 'too-many', 'unauthorized', 'ends-at-once'] as const) {
        server.mode = mode;
        const asked = server.requests.length;
        server.cut(how);
        await eventually(`${mode} was seen`, () => server.requests.length > asked + 1);
        assert.equal(await order.ids(), 'a,b', mode);
        server.mode = 'healthy';
        await eventually('it watches again', () => server.watches.size === 1);
      }
    server.mode = 'unauthorized';
    server.cut('reset');
    server.remove('two');
    await eventually('away', () => server.watches.size === 0);
    assert.equal(await order.ids(), 'a,b');
    server.mode = 'healthy';
    await order.become('a');
  });

  it('a version that is gone, and errors within the stream, are the beginning of another one', async () => {
    const server = await kube();
    server.put(slice('one', 'a'));
    const order = resolverOf(server);
    assert.equal(await order.ids(), 'a');
    for (const code of [410, 504, 500, 999]) {
      const asked = server.requests.length;
      server.tell('ERROR', { kind: 'Status', code, message: 'Expired' });
      await eventually('asked again', () => server.requests.length > asked);
      await eventually('it watches again', () => server.watches.size >= 1);
    }
    server.put(slice('two', 'b'));
    await order.become('a,b');
  });

  it('an old server is asked for a list in pages, then for what changes', async () => {
    const server = await kube();
    server.mode = 'old';
    for (const name of ['one', 'two', 'three']) server.put(slice(name, name));
    server.expiresPage = true;
    const order = resolverOf(server, { firstAnswerTimeoutMs: 10_000 });
    assert.equal(await order.ids(), 'one,three,two');
    await eventually('it watches', () => server.watches.size === 1);
    server.put(slice('four', 'four'));
    await order.become('four,one,three,two');
    server.cut('in order');
    server.remove('four');
    await order.become('one,three,two');
    assert.equal(server.requests.filter(({ url }) => url.includes('sendInitialEvents')).length, 1);
  });

  it('a server that falls silent is given up, and the next one is followed', async () => {
    const server = await kube();
    server.put(slice('one', 'a'));
    const order = resolverOf(server, { waitSeconds: -4.9 }); // with five seconds of grace: a tenth of one
    assert.equal(await order.ids(), 'a');
    const asked = server.requests.length;
    await eventually('asked anew', () => server.requests.length > asked);
    server.put(slice('one', 'b'));
    await order.become('b');
  });

  it('reads the token before each connection, and keeps the last one while it cannot be read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'account-'));
    cleanups.push(() => rm(folder, { recursive: true }));
    for (const [name, text] of [
      ['ca.crt', 'ca'],
      ['namespace', 'shop\n'],
      ['token', 'first\n'],
    ] as const)
      await writeFile(join(folder, name), text);
    const access = await readClusterAccess({ KUBERNETES_SERVICE_HOST: '10.0.0.1' }, folder);
    assert.deepEqual([access.url, access.ca, access.namespace], ['https://10.0.0.1:443', 'ca', 'shop']);
    assert.equal(await access.readToken(), 'first');
    await writeFile(join(folder, 'token'), 'second\n');
    assert.equal(await access.readToken(), 'second');
    await rm(join(folder, 'token'));
    assert.equal(await access.readToken(), 'second');
    await assert.rejects(readClusterAccess({}), /KUBERNETES_SERVICE_HOST/);
  });

  it('a name that is none of a service is no question, and a port that nobody has is in the log', async () => {
    const server = await kube();
    const lines: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (_fields, message) => lines.push(String(message)) };
    const order = resolverOf(server, { port: 'web', logger });
    for (const name of ['../pods', 'evil.example', 'order:80', 'ö', '', 'A'])
      assert.deepEqual(await order.resolve(name), []);
    assert.equal(server.requests.length, 0);
    server.put(slice('one', 'a'));
    assert.equal(await order.ids(), '');
    assert.deepEqual(lines, ['the instances of the service do not have the port']);
  });

  it('fails with a retryable code while the API server was never heard', async () => {
    const server = await kube();
    server.mode = 'stopped';
    const order = resolverOf(server, { firstAnswerTimeoutMs: 50 });
    await assert.rejects(order.ids(), { code: 'DISCOVERY_UNAVAILABLE', retryable: true });
  });
});
