import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { createMetrics } from '@flotilla/telemetry';
import { createFakeTransport, numbers } from '../../test/relay-transport.ts';
import { createTestSystem, neighbourOf, type TestSystem } from '../../test/system.ts';
import { shardOf } from '../bus/shard.ts';
import { createOutboxStore, type OutboxStore } from './outbox-store.ts';

const ME = '00000000-0000-7000-8000-00000000000a';
/** More than is set aside in one statement. */
const MANY = 12_000;

describe('held messages of the outbox', () => {
  let system: TestSystem;
  beforeEach(async () => {
    system = await createTestSystem();
  });
  afterEach(() => system.close());

  const neighbour = neighbourOf('bad');
  const count = async (table: string) => (await system.service.db.query(`SELECT FROM ${table}`)).length;
  const makeDue = () => system.service.db.query('UPDATE outbox_held_key SET due_at = now()');

  async function publishMany(from: number): Promise<void> {
    await system.service.db.query(
      `INSERT INTO outbox (shard, message_id, key, type, envelope)
       SELECT $1, gen_random_uuid(), 'bad', 'test.counted.v1', json_build_object('data', json_build_object('n', n))
       FROM generate_series($2::integer, $2::integer + ${MANY} - 1) AS n`,
      [shardOf('bad'), from],
    );
  }

  it('are out of the way of other keys, are all counted, and are sent in order once the first one is taken', async () => {
    const { transport, published, state } = createFakeTransport();
    state.refuse = ({ key }) => (key === 'bad' ? 'no' : undefined);
    await publishMany(0);
    await system.publish(neighbour, 1);
    const metrics = createMetrics();
    const relay = system.relay(transport, { metrics, maxAttempts: 100, pollIntervalMs: 60_000 });
    await eventually('the neighbour is sent', () => published.length === 1);
    await eventually('all others are held', async () => (await count('outbox')) === 0);
    assert.equal(await count('outbox_held'), MANY);
    // A look before may have counted the neighbour, which was sent and not yet deleted.
    await eventually('the figures', () =>
      ['held', 'backlog'].every((what) => metrics.render().includes(`messaging_outbox_${what} ${MANY}\n`)),
    );
    assert.match(metrics.render(), /messaging_outbox_oldest_age_seconds (?!0\b)\d/);

    const later = publishMany(MANY);
    state.refuse = () => undefined;
    await makeDue();
    relay.nudge();
    await later;
    await eventually(
      'nothing is left',
      async () => (await count('outbox')) + (await count('outbox_held')) === 0,
    );
    assert.deepEqual(
      numbers(published, 'bad'),
      Array.from({ length: 2 * MANY }, (_, n) => n),
    );
    assert.equal(await count('outbox_held_key'), 0);
  });

  it('go on in order behind one that is parked, when one among them is refused too', async () => {
    const { transport, published, state } = createFakeTransport();
    const firstRefused = new Set([0, 3]);
    const numberOf = (body: string) => (JSON.parse(body) as { data: { n: number } }).data.n;
    // As every transport does: what follows a refused message in its key is refused with it.
    let refusing = false;
    state.refuse = ({ body }) => {
      refusing ||= firstRefused.has(numberOf(body));
      return refusing ? 'no' : undefined;
    };
    const perBatch = {
      ...transport,
      publish: async (...[messages]: Parameters<typeof transport.publish>) => {
        refusing = false;
        return await transport.publish(messages);
      },
    };
    for (let n = 0; n < 6; n += 1) await system.publish('bad', n);
    system.relay(perBatch, { maxAttempts: 2 });
    await eventually('both are parked', async () => {
      await makeDue();
      return (await count('outbox_parked')) === 2;
    });
    await eventually('the others are sent', () => published.length === 4);
    assert.deepEqual(numbers(published, 'bad'), [1, 2, 4, 5]);
    await eventually('the key is let go', async () => (await count('outbox_held_key')) === 0);
    assert.equal(await count('outbox_held'), 0);
  });

  describe('and a message that comes behind them', () => {
    let store: OutboxStore;
    let shards: ReadonlyMap<number, string>;
    const first = { isAhead: false, after: new Map() };
    beforeEach(async () => {
      store = createOutboxStore(system.service.db, ME);
      shards = new Map((await store.claim(60_000, null)).map(({ shard, token }) => [shard, token]));
      await system.publish('bad', 1);
      const [refused] = (await store.fetch(shards, first)).rows;
      assert.ok(refused);
      await store.retryLater(refused, 'no', 0);
      await system.publish('bad', 2);
    });

    const fetched = async () =>
      (await store.fetch(shards, first)).rows.map(({ key, held, attempts }) => ({ key, held, attempts }));
    const somebodyWaits = () =>
      eventually('it waits for the lock', async () => {
        const waiting = await system.bus.db.query(
          `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'SELECT outbox_%'`,
        );
        return waiting.length > 0;
      });

    it('is not set aside when the last of them goes in the same moment', async () => {
      const { rows, behind } = await store.fetch(shards, first);
      assert.deepEqual([rows.length, behind.length], [1, 1]);
      const settingAside = await system.service.db.transaction(async (tx) => {
        await createOutboxStore(tx, ME).confirmHeld(rows);
        const waiting = store.setAside(behind);
        await somebodyWaits();
        return { waiting };
      });
      await settingAside.waiting;
      assert.deepEqual(await fetched(), [{ key: 'bad', held: false, attempts: 0 }]);
      assert.equal(await count('outbox_held_key'), 0);
    });

    it('keeps the key held when it was set aside a moment before the last of them goes', async () => {
      const { rows, behind } = await store.fetch(shards, first);
      const confirming = await system.service.db.transaction(async (tx) => {
        await createOutboxStore(tx, ME).setAside(behind);
        const waiting = store.confirmHeld(rows);
        await somebodyWaits();
        return { waiting };
      });
      await confirming.waiting;
      assert.deepEqual(await fetched(), [{ key: 'bad', held: true, attempts: 0 }]);
    });

    it('is neither sent nor lost when it is read ahead, though the key is due', async () => {
      const ahead = await store.fetch(shards, { ...first, isAhead: true });
      assert.deepEqual([ahead.rows, ahead.behind.length], [[], 1]);
    });

    it('stays where it is when a former owner of the shard acts', async () => {
      const { rows, behind } = await store.fetch(shards, first);
      const stale = <T extends { token: string }>(all: readonly T[]) =>
        all.map((row) => ({ ...row, token: '0' }));
      await store.setAside(stale(behind));
      await store.confirmHeld(stale(rows));
      assert.deepEqual([await count('outbox'), await count('outbox_held')], [1, 1]);
    });
  });
});
