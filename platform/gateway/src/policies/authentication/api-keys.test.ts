import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { assertProblems, problemsOf } from '../../../test/config.ts';
import { createTestBed, readTestConfig, routeTo, type TestGateway } from '../../../test/gateway.ts';
import { masked } from '../../admin/masked.ts';
import { newApiKey } from './api-keys.ts';

const bed = createTestBed();
after(() => bed.close());

const alice = newApiKey();
const bob = newApiKey();
const former = newApiKey();
const KEYS = {
  ApiKeyQuery: 'api_key',
  ApiKeys: [
    {
      Id: 'alice',
      KeyHash: alice.hash,
      Scopes: ['orders'],
      Claims: { plan: 'gold' },
      Quota: { Limit: 3, Period: '1h' },
    },
    { Id: 'bob', KeyHash: bob.hash.toUpperCase() },
    { Id: 'carol', KeyHash: former.hash, NotAfter: '2020-01-01T00:00:00Z' },
  ],
};
const authentication = (...keys: string[]) => ({ AuthenticationProviderKeys: keys });

describe('API keys', () => {
  let gateway: TestGateway;
  let config: object;
  const logged: unknown[] = [];
  before(async () => {
    const port = await bed.backend(({ url, headers }, response) => {
      response.setHeader('cache-control', 'max-age=60');
      response.end(JSON.stringify({ url, key: headers['x-api-key'], subject: headers['x-subject'] }));
    });
    config = {
      Routes: [
        routeTo(port, '/mine', {
          AuthenticationOptions: authentication('Keys'),
          AddHeadersToRequest: { 'X-Subject': 'Claims[sub] > value' },
          CacheOptions: { TtlSeconds: 60 },
        }),
        routeTo(port, '/orders', {
          AuthenticationOptions: { ...authentication('Keys'), AllowedScopes: ['orders'] },
        }),
        routeTo(port, '/gold', {
          AuthenticationOptions: authentication('Keys'),
          RouteClaimsRequirement: { plan: 'gold' },
        }),
        routeTo(port, '/either', { AuthenticationOptions: authentication('Keys', 'Bearer') }),
        routeTo(port, '/passed', { AuthenticationOptions: authentication('Passing') }),
        routeTo(port, '/open'),
      ],
      GlobalConfiguration: {
        AuthenticationProviders: {
          Keys: KEYS,
          Passing: {
            ApiKeyHeader: 'X-Other-Key',
            PassApiKey: true,
            ApiKeys: [{ Id: 'bob', KeyHash: bob.hash }],
          },
        },
      },
    };
    const log = (fields: object, text: string) => logged.push(JSON.stringify(fields), text);
    const logger = { debug: log, info: log, warn: log, error: log };
    gateway = await bed.start(config, {
      logger: { ...logger, child: () => logger } as never,
      accessLog: 'all',
    });
  });
  const ask = (path: string, headers: Record<string, string> = {}) => fetch(gateway.url + path, { headers });
  const withKey = (path: string, key: string) => ask(path, { 'x-api-key': key });

  it('let in who has one, under its own name', async () => {
    const mine = await withKey('/mine', bob.key);
    assert.deepEqual(await mine.json(), { url: '/mine', subject: 'bob' }, 'the key stays at the gateway');
    for (const key of ['', 'x', alice.hash, former.key, 'x'.repeat(600)]) {
      const refused = await withKey('/mine', key);
      assert.equal(refused.status, 401);
      assert.equal(refused.headers.get('www-authenticate'), 'ApiKey');
    }
    assert.equal((await ask('/mine')).status, 401);
  });

  it('have scopes and claims', async () => {
    assert.equal((await withKey('/orders', bob.key)).status, 403);
    assert.equal((await withKey('/gold', bob.key)).status, 403);
  });

  it('may be in the query, which neither the back end nor a log sees', async () => {
    const answer = await ask(`/mine?a=1&api_key=${bob.key}&b=2`);
    assert.equal(((await answer.json()) as { url: string }).url, '/mine?a=1&b=2');
    const both = await ask(`/mine?api_key=${bob.key}`, { 'x-api-key': bob.key });
    assert.equal(((await both.json()) as { url: string }).url, '/mine');
    assert.ok(logged.length > 0);
    for (const key of [alice.key, bob.key]) assert.ok(!logged.join('\n').includes(key));
  });

  it('reach no back end on any route, unless the provider says so', async () => {
    assert.equal(((await (await withKey('/open', bob.key)).json()) as { key: unknown }).key, undefined);
    assert.equal((await ask('/passed', { 'x-other-key': bob.key })).status, 200);
  });

  it('stand beside tokens', async () => {
    assert.equal((await withKey('/either', bob.key)).status, 200);
    const authorization = `Bearer ${await bed.issuer.sign()}`;
    assert.equal((await ask('/either', { authorization })).status, 200);
    assert.equal((await ask('/either', { authorization, 'x-api-key': 'unknown' })).status, 200);
    const refused = await ask('/either');
    assert.deepEqual([refused.status, refused.headers.get('www-authenticate')], [401, 'Bearer']);
  });

  it('answer for their owner alone: no one else gets it from the cache', async () => {
    const subjects = [];
    for (const key of [bob.key, alice.key, bob.key])
      subjects.push(((await (await withKey('/mine', key)).json()) as { subject: string }).subject);
    assert.deepEqual(subjects, ['bob', 'alice', 'bob']);
  });

  it('have a quota over all routes, which a reload leaves as it is', async () => {
    assert.equal((await withKey('/orders', alice.key)).headers.get('ratelimit-remaining'), '1');
    gateway.reload(readTestConfig({ ...config, Aggregates: [] }));
    assert.equal((await withKey('/gold', alice.key)).status, 200);
    const refused = await withKey('/either', alice.key);
    assert.equal(refused.status, 429);
    assert.ok(Number(refused.headers.get('retry-after')) > 0);
    assert.equal(((await refused.json()) as { detail: string }).detail, 'the quota of this key is 3 per 1h');
    assert.equal((await withKey('/either', bob.key)).status, 200);
  });

  it('are shown to operators without their hashes', () => {
    const shown = JSON.stringify(masked(readTestConfig(config)));
    assert.ok(shown.includes('"alice"'));
    assert.ok(!shown.includes(alice.hash) && !shown.includes(bob.hash));
  });

  it('are refused in the file where they would protect nothing', () => {
    const entry = { Id: 'a', KeyHash: hash('sha256', 'a') };
    const providers = (Keys: object) =>
      problemsOf({ GlobalConfiguration: { AuthenticationProviders: { Keys } } });
    assertProblems(
      providers({ ApiKeyHeader: 'Authorization', ApiKeys: [{ ...entry, KeyHash: 'a' }, entry, entry] }),
      [
        /ApiKeyHeader: Authorization has another meaning/,
        /ApiKeys\[0\]\.KeyHash: must be a SHA-256 in hex/,
        /ApiKeys\[2\]\.KeyHash: another entry has the same key/,
      ],
    );
    assertProblems(
      providers({
        Secret: 'x'.repeat(32),
        ApiKeys: [{ ...entry, Id: '', NotAfter: 'soon', Quota: { Limit: 1, Period: 'day' } }],
      }),
      [
        /ApiKeys\[0\]\.Id: must be given/,
        /ApiKeys\[0\]\.NotAfter: must be a time/,
        /ApiKeys\[0\]\.Quota\.Period: must be/,
        /Secret: exactly one of/,
      ],
    );
  });
});
