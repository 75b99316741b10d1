import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { PlatformError } from '@flotilla/kernel';
import * as s from '@flotilla/kernel/schema';
import { eventually } from '@flotilla/kernel/testing';
import type { Queryable, SqlValue } from '@flotilla/postgres';
import { createFakeTransport } from '../test/relay-transport.ts';
import { createTestSystem, type TestSystem } from '../test/system.ts';
import { type Bounds, bytesOf, createBounds, headWithin, MAX_BATCH_BYTES } from './batch-bounds.ts';
import { shardOf } from './bus/shard.ts';
import { defineMessage } from './message.ts';
import { createOutboxStore } from './outbox/outbox-store.ts';
import type { OutgoingMessage } from './transport.ts';

const large = defineMessage({
  type: 'test.large.v1',
  description: 'Carries much, for tests.',
  key: (data) => data.key,
  schema: s.object({ key: s.string(), n: s.integer(), padding: s.string() }),
});

const MESSAGES = 40;
const PADDING = 'x'.repeat(250_000);
const ALL = Array.from({ length: MESSAGES }, (_, n) => n);

const tooSlow = () => new PlatformError('POSTGRES_TIMEOUT', 'canceling statement', { retryable: true });

describe('bounds of a batch', () => {
  it('are those of the first messages that fit, and of one at least', () => {
    const messages = ['aaa', 'bb', 'c'].map((body) => ({ body }));
    const head = (bounds: Partial<Bounds>) =>
      headWithin(messages, { messages: 9, bytes: 99, ...bounds }).length;
    assert.deepEqual([head({}), head({ bytes: 5 }), head({ bytes: 4 }), head({ bytes: 0 })], [3, 2, 1, 1]);
    assert.deepEqual([head({ messages: 2 }), head({ messages: 0 })], [2, 1]);
    assert.deepEqual(headWithin([], { messages: 1, bytes: 1 }), []);
  });

  it('are halved when work fails for time, down to one message, and grow again as it succeeds', async () => {
    const bounded = createBounds({ messages: 8, bytes: 80 });
    let limit = 3;
    const tried: number[] = [];
    const work = async ({ messages }: Bounds) => {
      tried.push(messages);
      if (messages > limit) throw tooSlow();
      return messages;
    };
    assert.equal(await bounded(work), 2);
    assert.deepEqual(tried.splice(0), [8, 4, 2]);
    limit = 99;
    for (let round = 0; round < 40; round += 1) await bounded(work);
    assert.equal(tried.at(-1), 8);
    limit = 0;
    await assert.rejects(bounded(work), { code: 'POSTGRES_TIMEOUT' });
    await assert.rejects(
      bounded(() => Promise.reject(new Error('another'))),
      /another/,
    );
  });
});

describe('large messages', () => {
  let system: TestSystem;
  before(async () => {
    system = await createTestSystem();
  });
  after(() => system.close());

  const publish = (key: string, options = {}) =>
    system.service.db.transaction(async (tx) => {
      for (const n of ALL)
        await system.outbox.publish(tx, large, { key: `${key}${n % 7}`, n, padding: PADDING }, options);
    });
  const numbersOf = (messages: readonly { readonly body: string }[]) =>
    messages.map(({ body }) => (JSON.parse(body) as { data: { n: number } }).data.n);
  const count = async (table: string) => {
    const [row] = await system.service.db.query<{ count: number }>(`SELECT count(*)::integer FROM ${table}`);
    return row?.count ?? 0;
  };
  const sorted = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b);

  it('leave the outbox in batches that are bounded by bytes, and the next one is read at once', async () => {
    const { transport, published } = createFakeTransport();
    const batches: number[] = [];
    const measuring = {
      ...transport,
      publish: async (messages: readonly OutgoingMessage[]) => {
        batches.push(bytesOf(messages));
        return await transport.publish(messages);
      },
    };
    await publish('sent');
    const relay = system.relay(measuring, { pollIntervalMs: 3_600_000 });
    await eventually('all are sent', () => published.length === MESSAGES);
    await relay.close();
    assert.deepEqual(numbersOf(published), ALL);
    assert.ok(Math.max(...batches) < MAX_BATCH_BYTES + 262_144, `${batches}`);
  });

  it('reach the bus in smaller parts when all at once takes too long, in their order', async () => {
    const { db } = system.bus;
    await db.query("SELECT bus.subscribe('slow', ARRAY['test.small.v1'])");
    // As slow as a machine of any speed can be made: what is too much is too slow.
    await db.query(`CREATE FUNCTION too_much() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF (SELECT count(*) FROM added) > 5 THEN RAISE 'canceling statement' USING ERRCODE = '57014'; END IF;
      RETURN NULL; END $$`);
    await db.query(`CREATE TRIGGER too_much AFTER INSERT ON bus.delivery REFERENCING NEW TABLE AS added
      FOR EACH STATEMENT EXECUTE FUNCTION too_much()`);
    const message = (n: number, mandatory = false) => ({
      ...{ id: crypto.randomUUID(), type: mandatory ? 'test.nobody.v1' : 'test.small.v1', mandatory },
      ...{ key: `k${n % 3}`, body: `{"data":{"n":${n}}}` },
    });
    const messages = [
      ...ALL.slice(0, 20).map((n) => message(n)),
      message(20, true),
      message(23),
      message(22),
    ];
    const refusals = await system.transport().publish(messages);
    await db.query('DROP TRIGGER too_much ON bus.delivery');
    const refused = messages.slice(20, 22).map(({ id }) => id);
    assert.deepEqual(
      refusals.map(({ id }) => id),
      refused,
    );
    const rows = await db.query<{ body: string }>('SELECT body FROM bus.delivery ORDER BY id');
    assert.deepEqual(numbersOf(rows), [...ALL.slice(0, 20), 22]);
  });

  it('are set aside and moved in parts, and none is left out', async () => {
    const store = createOutboxStore(system.service.db, '00000000-0000-7000-8000-000000000001');
    const claimed = await eventually('the shards', async () => {
      const rows = await store.claim(60_000, null);
      return rows.length === 16 && rows;
    });
    const shards = new Map(claimed.map(({ shard, token }) => [shard, token]));
    await publish('later', { deliverAt: new Date(0) });
    const moved: number[] = [];
    while ((moved.at(-1) ?? 1) > 0) moved.push((await store.moveDue()).moved);
    assert.deepEqual(moved, [17, 17, 6, 0]);

    for (const n of [0, 1, 2, 3, 4, 5, 6]) {
      const key = `later${n}`;
      await system.service.db.query('INSERT INTO outbox_held_key VALUES ($1, $2, now())', [
        key,
        shardOf(key),
      ]);
    }
    const first = { isAhead: false, after: new Map() };
    const { behind, isFull } = await store.fetch(shards, first);
    assert.deepEqual([behind.length, isFull], [MESSAGES, true]);
    await store.setAside(behind);
    assert.equal(await count('outbox_held'), 17);
    while ((await count('outbox')) > 0) await store.setAside((await store.fetch(shards, first)).behind);
    assert.equal(await count('outbox_held'), MESSAGES);

    const sent: number[] = [];
    while ((await count('outbox_held')) > 0) {
      const { rows } = await store.fetch(shards, first);
      assert.ok(rows.length <= 17);
      sent.push(...numbersOf(rows.map(({ envelope }) => ({ body: envelope }))));
      await store.confirmHeld(rows);
    }
    assert.deepEqual(sorted(sent), ALL);
    for (const key of [0, 1, 2, 3, 4, 5, 6])
      assert.deepEqual(
        sent.filter((n) => n % 7 === key),
        ALL.filter((n) => n % 7 === key),
      );
  });

  it('are read in smaller batches when reading takes too long', async () => {
    const asked: SqlValue[] = [];
    const slow: Queryable = {
      query: async (_sql, values = []) => {
        asked.push(values[2] ?? null);
        if (Number(values[2]) > 8) throw tooSlow();
        return [];
      },
    };
    await createOutboxStore(slow, 'me', 32).fetch(new Map([[1, '1']]), { isAhead: false, after: new Map() });
    assert.deepEqual(asked, [32, 16, 8]);
  });
});
