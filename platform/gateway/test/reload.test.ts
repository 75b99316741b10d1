import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { silentLogger } from '@flotilla/telemetry';
import { newAdminToken } from '../src/admin/admin-token.ts';
import { createAdminListener } from '../src/admin/create-admin-listener.ts';
import { createTestBed, readTestConfig, routeTo } from './gateway.ts';

const bed = createTestBed();
afterEach(() => bed.close());

describe('another configuration', () => {
  it('is put in force under load: no request fails, and each is served by one of the two', async () => {
    const [one, two] = [
      await bed.backend((_, response) => setTimeout(() => response.end('one'), 5)),
      await bed.backend((_, response) => setTimeout(() => response.end('two'), 5)),
    ];
    const configOf = (port: number, name: string) => ({
      Routes: [routeTo(port, '/x'), routeTo(port, '/y')],
      GlobalConfiguration: { BaseUrl: `http://${name}.test` },
    });
    const { url, reload, admin } = await bed.start(configOf(one, 'one'));
    let isOver = false;
    const seen = new Map<string, number>();
    const ask = async () => {
      while (!isOver) {
        const response = await fetch(`${url}/x`);
        const what = `${response.status} ${await response.text()}`;
        seen.set(what, (seen.get(what) ?? 0) + 1);
      }
    };
    const clients = Array.from({ length: 16 }, ask);
    for (let count = 0; count < 10; count += 1) {
      const before = [...seen.values()].reduce((sum, number) => sum + number, 0);
      const changes = reload(readTestConfig(count % 2 === 0 ? configOf(two, 'two') : configOf(one, 'one')));
      assert.ok(changes.length > 0);
      await eventually('it serves', () => [...seen.values()].reduce((sum, n) => sum + n, 0) > before + 50);
    }
    isOver = true;
    await Promise.all(clients);
    assert.deepEqual([...seen.keys()].toSorted(), ['200 one', '200 two']);
    await eventually('nothing is left', () => admin.limits().inFlight === 0);
  });

  it('keeps budgets, circuits, cached answers and connections of what did not change', async () => {
    let connections = 0;
    const port = await bed.backend((request, response) => {
      if (request.url === '/broken') request.socket.destroy();
      else response.end('ok');
    });
    const counted = await bed.backend((_, response) => response.end('ok'));
    const config = (more: object[] = []) => ({
      Routes: [
        routeTo(port, '/limited', { RateLimitOptions: { Period: '100s', Limit: 3 } }),
        routeTo(port, '/broken', {
          QoSOptions: { MinimumThroughput: 2, BreakDuration: 60_000 },
          RetryOptions: { Retries: 0 },
        }),
        routeTo(port, '/cached', { FileCacheOptions: { TtlSeconds: 60 } }),
        ...more,
      ],
    });
    const { url, reload, admin } = await bed.start(config());
    const status = async (path: string) => (await fetch(`${url}${path}`)).status;
    assert.deepEqual([await status('/limited'), await status('/limited')], [200, 200]);
    assert.deepEqual(
      [await status('/broken'), await status('/broken'), await status('/broken')],
      [502, 502, 503],
    );
    assert.equal(await status('/cached'), 200);
    connections = admin.cache().entries;

    assert.deepEqual(reload(readTestConfig(config())), []);
    const changes = reload(readTestConfig(config([routeTo(counted, '/new')])));
    assert.equal(changes.length, 1);
    assert.equal(await status('/new'), 200);
    assert.deepEqual([await status('/limited'), await status('/limited')], [200, 429]);
    assert.equal(await status('/broken'), 503);
    assert.equal(admin.cache().entries, connections);
    assert.notEqual((await fetch(`${url}/cached`)).headers.get('age'), null);

    reload(readTestConfig(config()));
    assert.equal(await status('/new'), 404);
    assert.equal(await status('/limited'), 429);
  });

  it('finishes what began with the old one by the old one', async () => {
    const go = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    const port = await bed.backend(async (_, response) => {
      arrived.resolve();
      await go.promise;
      response.end('old');
    });
    const { url, reload } = await bed.start({ Routes: [routeTo(port, '/x')] });
    const asked = fetch(`${url}/x`);
    await arrived.promise;
    reload(readTestConfig({ Routes: [routeTo(port, '/other')] }));
    assert.equal((await fetch(`${url}/x`)).status, 404);
    go.resolve();
    assert.equal(await (await asked).text(), 'old');
  });

  it('that names what code does not have changes nothing, and says all of it', async () => {
    const port = await bed.backend((_, response) => response.end('ok'));
    const routes = [routeTo(port, '/x', { QoSOptions: { MinimumThroughput: 2 } })];
    const { url, reload, admin } = await bed.start({ Routes: routes });
    await fetch(`${url}/x`);
    const before = admin.config();
    const bad = {
      Routes: [
        ...routes,
        routeTo(port, '/y', { DelegatingHandlers: ['Absent'] }),
        routeTo(port, '/z', { AuthenticationOptions: { AuthenticationProviderKey: 'Nobody' } }),
      ],
    };
    assert.throws(
      () => reload(readTestConfig(bad)),
      (error: Error) =>
        /\/y: Absent is not among the handlers/.test(error.message) && /Nobody/.test(error.message),
    );
    assert.equal(admin.config(), before);
    assert.equal((await fetch(`${url}/x`)).status, 200);
    assert.equal((await fetch(`${url}/y`)).status, 404);
    await assert.rejects(bed.start(bad), /Absent/);
  });
});

describe('the admin API of a running gateway', () => {
  it('shows and changes what serves, for those who have the token', async () => {
    const [one, two] = [
      await bed.backend((_, response) => response.end('one')),
      await bed.backend((_, response) => response.end('two')),
    ];
    let isValid = true;
    const config = (path: string) => ({
      Routes: [
        {
          ...routeTo(one, path, { Key: 'x', LoadBalancerOptions: { Type: 'RoundRobin' } }),
          DownstreamHostAndPorts: [one, two].map((Port) => ({ Host: '127.0.0.1', Port })),
        },
      ],
    });
    let path = '/x';
    const gateway = await bed.start(config(path), {
      loadConfig: async () => {
        if (!isValid) return readTestConfig({ Routes: [{ UpstreamPathTemplate: 'bad' }] });
        return readTestConfig(config(path));
      },
    });
    const token = newAdminToken();
    const listener = createAdminListener({ port: 0, token, gateway: gateway.admin, logger: silentLogger });
    bed.defer(listener.close);
    const { url } = await listener.listen();
    const ask = async (method: string, where: string, body?: object) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const response = await fetch(`${url}${where}`, {
        method,
        headers,
        ...(body && { body: JSON.stringify(body) }),
      });
      return { status: response.status, json: await response.json().catch(() => undefined) };
    };
    const texts = async () => {
      const answers = new Set<string>();
      for (let count = 0; count < 6; count += 1)
        answers.add(await (await fetch(`${gateway.url}${path}`)).text());
      return [...answers].toSorted();
    };
    assert.equal((await fetch(`${url}/instances`)).status, 401);
    assert.deepEqual(await texts(), ['one', 'two']);
    assert.equal((await ask('POST', `/instances/127.0.0.1:${two}/eject`, {})).status, 200);
    assert.deepEqual(await texts(), ['one']);
    assert.equal((await ask('POST', `/instances/127.0.0.1:${two}/restore`, {})).status, 200);
    assert.deepEqual(await texts(), ['one', 'two']);

    path = '/moved';
    const reloaded = await ask('POST', '/reload', {});
    assert.equal(reloaded.status, 200);
    assert.deepEqual(await texts(), ['one', 'two']);
    isValid = false;
    const refused = await ask('POST', '/reload', {});
    assert.equal(refused.status, 422);
    assert.deepEqual(await texts(), ['one', 'two'], 'an invalid configuration changes nothing');
    assert.match(JSON.stringify((await ask('GET', '/limits')).json), /"inFlight":0/);
  });
});
