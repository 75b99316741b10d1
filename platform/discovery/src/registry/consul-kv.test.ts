import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeRegistry } from '../../test/each-registry.ts';

describeRegistry((api) => {
  describe('keys and values', () => {
    it('are written, read raw, listed by prefix and cut at a separator, and deleted', async () => {
      const base = api().name('kv');
      for (const key of ['a', 'b/1', 'b/2'])
        assert.equal((await api().call('PUT', `kv/${base}/${key}`, key)).text, 'true');
      assert.equal((await api().call('GET', `kv/${base}/a?raw`)).text, 'a');
      const [one] = await api().get<
        readonly { Key: string; Value: string; Flags: number; LockIndex: number }[]
      >(`kv/${base}%2Fa`);
      assert.deepEqual([one?.Key, one?.Value, one?.Flags, one?.LockIndex], [`${base}/a`, 'YQ==', 0, 0]);
      const keys = (query: string) => api().get(`kv/${base}/?keys${query}`);
      assert.deepEqual(await keys(''), [`${base}/a`, `${base}/b/1`, `${base}/b/2`]);
      assert.deepEqual(await keys('&separator=/'), [`${base}/a`, `${base}/b/`]);
      assert.equal((await api().get<readonly unknown[]>(`kv/${base}?recurse`)).length, 3);
      await api().call('PUT', `kv/${base}/empty`, '');
      assert.equal((await api().get<readonly { Value: null }[]>(`kv/${base}/empty`))[0]?.Value, null);
      assert.equal((await api().call('DELETE', `kv/${base}/?recurse`)).text, 'true');
      assert.equal((await api().call('GET', `kv/${base}?keys`)).status, 404);
      assert.equal((await api().call('GET', 'kv/')).text, 'Missing key name');
    });

    it('change by compare and set only when nobody was faster', async () => {
      const key = `kv/${api().name('cas')}`;
      assert.equal((await api().call('PUT', `${key}?cas=0`, '1')).text, 'true');
      assert.equal((await api().call('PUT', `${key}?cas=0`, '2')).text, 'false');
      const [entry] = await api().get<readonly { ModifyIndex: number }[]>(key);
      await api().call('PUT', key, '1'); // the same again changes nothing
      assert.equal((await api().call('PUT', `${key}?cas=${entry?.ModifyIndex}`, '3')).text, 'true');
      assert.equal((await api().call('DELETE', `${key}?cas=${entry?.ModifyIndex}`)).text, 'false');
      assert.equal((await api().call('GET', `${key}?raw`)).text, '3');
      assert.equal((await api().call('PUT', `${key}?cas=1&acquire=x`, '3')).status, 400);
      assert.equal((await api().call('PUT', key, 'x'.repeat(600_000))).status, 413);
    });

    it('wake who waits for them, for their prefix, and nobody else', async () => {
      const base = api().name('watch');
      await api().call('PUT', `kv/${base}/a`, '1');
      await api().call('PUT', `kv/${base}/b`, '1');
      const { index } = await api().call('GET', `kv/${base}/a`);
      const { index: below } = await api().call('GET', `kv/${base}/?recurse`);
      let isWoken = false;
      const one = api()
        .call('GET', `kv/${base}/a?index=${index}&wait=60s`)
        .finally(() => {
          isWoken = true;
        });
      const all = api().call('GET', `kv/${base}/?recurse&index=${below}&wait=60s`);
      await api().settled();
      await api().call('PUT', `kv/${base}/b`, '2');
      assert.ok((await all).index > below);
      assert.equal(isWoken, false);
      await api().call('DELETE', `kv/${base}/a`);
      assert.equal((await one).status, 404);
    });

    it('are locked by sessions: one at a time, free again when the session ends', async () => {
      const key = `kv/${api().name('lock')}`;
      const session = async (body: object) =>
        (JSON.parse((await api().call('PUT', 'session/create', body)).text) as { ID: string }).ID;
      const [first, second] = [await session({ LockDelay: '0s' }), await session({ LockDelay: '0s' })];
      const take = async (id: string) => (await api().call('PUT', `${key}?acquire=${id}`, id)).text;
      assert.equal(await take(first), 'true');
      assert.equal(await take(second), 'false');
      assert.equal(await take(first), 'true', 'who holds it may take it again');
      const lock = async () => (await api().get<readonly { Session?: string; LockIndex: number }[]>(key))[0];
      assert.deepEqual([(await lock())?.Session, (await lock())?.LockIndex], [first, 1]);
      assert.equal((await api().call('PUT', `${key}?release=${second}`, '')).text, 'false');
      await api().call('PUT', `session/destroy/${first}`);
      assert.equal((await lock())?.Session, undefined);
      assert.equal(await take(second), 'true');
      assert.equal((await lock())?.LockIndex, 2);
      assert.equal((await api().call('PUT', `${key}?release=${second}`, '')).text, 'true');
      assert.equal((await api().call('PUT', `${key}?acquire=nobody`, '')).status, 500);
      const [info] = await api().get<readonly { ID: string; Behavior: string }[]>(`session/info/${second}`);
      assert.deepEqual([info?.ID, info?.Behavior], [second, 'release']);
      assert.equal((await api().call('PUT', `session/renew/${first}`)).status, 404);
      await api().call('PUT', `session/destroy/${second}`);
    });

    it('stay locked for a while after a session has ended, whose holder may not know', async () => {
      const key = `kv/${api().name('delay')}`;
      const create = async () =>
        (JSON.parse((await api().call('PUT', 'session/create', {})).text) as { ID: string }).ID;
      const first = await create();
      await api().call('PUT', `${key}?acquire=${first}`, '');
      await api().call('PUT', `session/destroy/${first}`);
      const second = await create();
      assert.equal((await api().call('PUT', `${key}?acquire=${second}`, '')).text, 'false');
      await api().call('PUT', `session/destroy/${second}`);
    });

    it('change together in a transaction, or not at all', async () => {
      const base = api().name('txn');
      const set = (key: string) => ({ KV: { Verb: 'set', Key: `${base}/${key}`, Value: 'eA==' } });
      const done = await api().call('PUT', 'txn', [
        set('a'),
        set('b'),
        { KV: { Verb: 'get', Key: `${base}/a` } },
      ]);
      assert.equal(done.status, 200);
      assert.equal((JSON.parse(done.text) as { Results: readonly unknown[] }).Results.length, 3);
      const failed = await api().call('PUT', 'txn', [
        set('c'),
        { KV: { Verb: 'cas', Key: `${base}/a`, Value: '', Index: 1 } },
      ]);
      assert.equal(failed.status, 409);
      assert.equal(
        (JSON.parse(failed.text) as { Errors: readonly { OpIndex: number }[] }).Errors[0]?.OpIndex,
        1,
      );
      assert.equal((await api().call('GET', `kv/${base}/c`)).status, 404);
    });
  });
});
