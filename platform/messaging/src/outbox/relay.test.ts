import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { createMetrics } from '@flotilla/telemetry';
import { createFakeTransport, numbers } from '../../test/relay-transport.ts';
import { counted, createTestSystem, neighbourOf, type TestSystem } from '../../test/system.ts';
import { shardOf } from '../bus/shard.ts';
import type { Transport } from '../transport.ts';
import { createOutbox } from './outbox.ts';
import { createOutboxStore } from './outbox-store.ts';

describe('the relay', () => {
  let system: TestSystem;
  beforeEach(async () => {
    system = await createTestSystem();
  });
  afterEach(() => system.close());

  const unsent = async () =>
    (await system.service.db.query('SELECT FROM outbox UNION ALL SELECT FROM outbox_held')).length;

  it('sends committed messages once and deletes them', async () => {
    const { transport, published } = createFakeTransport();
    system.relay(transport);
    const id = await system.publish('k', 1);
    await eventually('it is deleted', async () => (await unsent()) === 0);
    assert.deepEqual(
      published.map((message) => [message.id, message.type, message.key]),
      [[id, 'test.counted.v1', 'k']],
    );
  });

  it('is not stopped by a transaction that stays open with an earlier number, and does not skip it', async () => {
    const early = neighbourOf('late');
    const { transport, published } = createFakeTransport();
    system.relay(transport);
    await system.service.db.transaction(async (tx) => {
      await system.outbox.publish(tx, counted, { key: 'late', n: 1 });
      await system.publish(early, 1);
      await eventually('the other is sent', () => published.length === 1);
    });
    await eventually('the late one too', () => published.length === 2);
    assert.deepEqual(
      published.map(({ key }) => key),
      [early, 'late'],
    );
  });

  it('keeps everything while the transport is down and sends it in order afterwards', async () => {
    const { transport, published, state } = createFakeTransport();
    state.down = true;
    system.relay(transport, { batchSize: 20 });
    for (let n = 0; n < 60; n += 1) await system.publish(`k${n % 3}`, n);
    assert.equal(await unsent(), 60);
    state.down = false;
    await eventually('the backlog is gone', async () => (await unsent()) === 0);
    for (const k of [0, 1, 2]) {
      const expected = Array.from({ length: 20 }, (_, index) => index * 3 + k);
      assert.deepEqual(numbers(published, `k${k}`), expected);
    }
  });

  it('holds back only the key of a refused message, and parks it with the reason in the end', async () => {
    const { transport, published, state } = createFakeTransport();
    state.refuse = ({ key, body }) => {
      if (key !== 'bad') return undefined;
      return body.includes('"n":1') ? 'nobody wants it' : 'behind';
    };
    system.relay(transport, { maxAttempts: 2 });
    await system.publish('bad', 1);
    await system.publish('bad', 2);
    await system.publish('good', 3);
    await eventually('the other key is sent', () => published.length === 1);
    await eventually('it is parked', async () => {
      const [parked] = await system.service.db.query(
        'SELECT parked_reason, attempts, last_error FROM outbox_parked',
      );
      if (!parked) return false;
      assert.deepEqual(parked, {
        parked_reason: 'refused 2 times: nobody wants it',
        attempts: 2,
        last_error: 'nobody wants it',
      });
      return true;
    });
    state.refuse = () => undefined;
    await eventually('the one behind is sent', () => numbers(published, 'bad').length === 1);
    assert.deepEqual(numbers(published, 'bad'), [2]);
  });

  it('lets nothing overtake a refused message, though it reads ahead', async () => {
    const { transport, published, state } = createFakeTransport();
    let calls = 0;
    const refusing: Transport = {
      ...transport,
      publish: async (messages) => {
        calls += 1;
        state.refuse = ({ key }) => (key === 'bad' && calls === 1 ? 'no' : undefined);
        return await transport.publish(messages);
      },
    };
    const behind = Array.from({ length: 200 }, (_, n) => n).filter(
      (n) => shardOf(`k${n}`) === shardOf('bad'),
    );
    await system.service.db.transaction(async (tx) => {
      for (let n = 0; n < 40; n += 1) {
        await system.outbox.publish(tx, counted, { key: 'bad', n });
        await system.outbox.publish(tx, counted, { key: `k${behind[n % behind.length]}`, n });
      }
    });
    system.relay(refusing, { batchSize: 48 });
    await eventually('all are sent', async () => (await unsent()) === 0);
    assert.deepEqual(
      numbers(published, 'bad'),
      Array.from({ length: 40 }, (_, n) => n),
    );
  });

  it('backs off from a message that is refused again and again', async () => {
    const { transport, state } = createFakeTransport();
    let calls = 0;
    state.refuse = () => {
      calls += 1;
      return 'no';
    };
    system.relay(transport);
    await system.publish('bad', 1);
    const [row] = await eventually('it waits', () => waiting());
    assert.equal(calls, 1);
    assert.ok((row?.delay ?? 0) >= 0.2, 'half to all of 500 ms');
    const [again] = await eventually('it waits longer', async () => {
      const rows = await waiting();
      return rows && rows[0]?.attempts === 2 && rows;
    });
    assert.ok((again?.delay ?? 0) >= 0.45, 'half to all of 1,000 ms');
    assert.equal(calls, 2);
  });

  const waiting = async () => {
    const rows = await system.service.db.query<{ attempts: number; delay: number }>(
      `SELECT h.attempts, extract(epoch FROM k.due_at - clock_timestamp())::float8 AS delay
       FROM outbox_held h JOIN outbox_held_key k USING (key)`,
    );
    return rows.length > 0 && rows;
  };

  it('keeps no transaction open while it publishes', async () => {
    const { transport, published } = createFakeTransport();
    const open: unknown[] = [];
    const watching: Transport = {
      ...transport,
      publish: async (messages) => {
        open.push(
          ...(await system.bus.db.query(
            `SELECT query FROM pg_stat_activity
             WHERE application_name = 'test-process' AND state LIKE 'idle in transaction%'`,
          )),
        );
        return await transport.publish(messages);
      },
    };
    system.relay(watching, { db: system.pool() });
    await system.publish('k', 1);
    await eventually('it is sent', () => published.length === 1);
    assert.deepEqual(open, []);
  });

  it('sends again when the delete failed: at least once, in order', async () => {
    const { transport, published } = createFakeTransport();
    await system.publish('k', 1);
    await system.publish('k', 2);
    await system.service.db.query(
      `CREATE FUNCTION refuse_delete() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'no delete'; END $$`,
    );
    await system.service.db.query(
      'CREATE TRIGGER refuse_delete BEFORE DELETE ON outbox EXECUTE FUNCTION refuse_delete()',
    );
    const crashed = system.relay(transport);
    await eventually('published', () => published.length === 2);
    await crashed.close();
    await system.service.db.query('DROP TRIGGER refuse_delete ON outbox');
    system.relay(transport);
    await eventually('deleted', async () => (await unsent()) === 0);
    assert.deepEqual(numbers(published, 'k'), [1, 2, 1, 2]);
  });

  it('shares the shards fairly and takes over those of a relay that is gone', async () => {
    const { transport } = createFakeTransport();
    const owners = async () => {
      const rows = await system.service.db.query<{ shards: number }>(
        'SELECT count(*)::integer AS shards FROM outbox_shard WHERE owner IS NOT NULL GROUP BY owner ORDER BY 1',
      );
      return rows.map((row) => row.shards).join(' ');
    };
    const first = system.relay(transport);
    await eventually('one has all', async () => (await owners()) === '16');
    system.relay(transport);
    system.relay(transport);
    await eventually('three share', async () => (await owners()) === '5 5 6' || (await owners()) === '4 6 6');
    await first.close();
    await eventually('two share', async () => (await owners()) === '8 8');
  });

  it('shows that it lives as soon as it runs, not only when it renews its lease', async () => {
    system.relay(system.transport(), { leaseMs: 120_000 });
    await eventually('its sign of life', async () => {
      const rows = await system.service.db.query(
        "SELECT FROM outbox_relay WHERE presence IS NOT NULL AND alive_until > now() + interval '60 s'",
      );
      return rows.length === 1;
    });
  });

  it('refuses the writes of a relay that lost its lease', async () => {
    await system.publish('k', 1);
    const shard = shardOf('k');
    const zombie = createOutboxStore(system.service.db, '00000000-0000-7000-8000-00000000000a');
    const successor = createOutboxStore(system.service.db, '00000000-0000-7000-8000-00000000000b');
    const mine = async (store: typeof zombie, leaseMs: number) =>
      new Map((await store.claim(leaseMs, null)).map((row) => [row.shard, row.token]));
    const first = { isAhead: false, after: new Map() };
    const [stale] = (await zombie.fetch(await mine(zombie, 1), first)).rows;
    assert.ok(stale);
    const held = await eventually('the lease has ended', async () => {
      const shards = await mine(successor, 60_000);
      return shards.has(shard) && shards;
    });
    await zombie.confirm([stale]);
    await zombie.retryLater(stale, 'error', 1_000);
    await zombie.park(stale, 'error', 'reason');
    const [row] = (await successor.fetch(held, first)).rows;
    assert.deepEqual([row?.id, row?.attempts], [stale.id, 0]);
    if (row) await successor.confirm([row]);
    assert.equal(await unsent(), 0);
  });

  it('goes on by itself when the server has cut every connection, in the middle of a statement', async () => {
    const { transport, published } = createFakeTransport();
    system.relay(transport, { db: system.pool() });
    await system.publish('k', 1);
    await eventually('the first', () => published.length === 1);
    await system.service.db.transaction(async (tx) => {
      await tx.query('LOCK TABLE outbox');
      const ofTheRelay = "datname = current_database() AND application_name = 'test-process'";
      await eventually('it waits for an answer', async () => {
        const waiting = await tx.query(
          `SELECT FROM pg_stat_activity WHERE ${ofTheRelay} AND wait_event_type = 'Lock'`,
        );
        return waiting.length > 0;
      });
      await tx.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${ofTheRelay}`);
    });
    await system.publish('k', 2);
    await eventually('the second', () => numbers(published, 'k').includes(2));
    await eventually('deleted', async () => (await unsent()) === 0);
  });

  it('measures backlog, age and parked messages', async () => {
    const { transport, state } = createFakeTransport();
    state.down = true;
    await system.publish('k', 1);
    const metrics = createMetrics();
    system.relay(transport, { metrics });
    await eventually('a figure', () => metrics.render().includes('messaging_outbox_backlog 1'));
    assert.match(metrics.render(), /messaging_outbox_oldest_age_seconds \d/);
    assert.match(metrics.render(), /messaging_outbox_parked 0/);
  });

  describe('that would not look again for an hour', () => {
    const patient = { pollIntervalMs: 3_600_000 };

    it('is told of what a process without a relay commits, and of what is due', async () => {
      const { transport, published } = createFakeTransport();
      system.relay(transport, patient);
      await system.publish('k', 1);
      await eventually('the first is sent', () => published.length === 1);
      await system.service.db.transaction((tx) =>
        system.outbox.publish(tx, counted, { key: 'k', n: 2 }, { delayMs: 200 }),
      );
      await eventually('the delayed one is sent', () => published.length === 2);
    });

    it('is told of what the process of another relay commits for a shard of its own', async () => {
      const { transport, published } = createFakeTransport();
      const relays = [system.relay(transport, patient), system.relay(transport, patient)];
      await eventually('both have shards', async () => {
        const rows = await system.service.db.query(
          'SELECT owner FROM outbox_shard WHERE owner IS NOT NULL GROUP BY owner HAVING count(*) = 8',
        );
        return rows.length === 2;
      });
      const outbox = createOutbox({ source: 'test', onCommit: (row) => relays[0]?.nudge(row) });
      const keys = Array.from({ length: 40 }, (_, n) => `k${n}`);
      assert.ok(new Set(keys.map(shardOf)).size > 8, 'some are of the other');
      for (const key of keys)
        await system.service.db.transaction((tx) => outbox.publish(tx, counted, { key, n: 1 }));
      await eventually('all are sent', () => published.length === keys.length);
    });

    it('sends what another one was refused when that is due, though the other is gone', async () => {
      const { transport, published, state } = createFakeTransport();
      state.refuse = () => 'no';
      const refused = system.relay(transport);
      await system.publish('k', 1);
      await eventually('it waits', waiting);
      await refused.close();
      state.refuse = () => undefined;
      system.relay(transport, patient);
      await eventually('it is sent', () => published.length === 1);
    });
  });
});
