import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { uuidv7 } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { type BusQueue, createBusQueue } from './bus-queue.ts';
import { busMigrations } from './migrations.ts';
import { shardOf } from './shard.ts';

describe('a queue of the bus', () => {
  let bus: TestDatabase;
  before(async () => {
    bus = await createTestDatabase([busMigrations]);
  });
  after(() => bus.close());

  async function createQueue(name: string, messages: readonly [key: string, body: string][]): Promise<void> {
    await bus.db.query('SELECT bus.subscribe($1, $2)', [name, [name]]);
    const keys = messages.map(([key]) => key);
    const bodies = messages.map(([, body]) => body);
    await bus.db.query('SELECT bus.publish($1::text[], $2::text[], $3::smallint[], $4::text[])', [
      keys.map(() => name),
      keys,
      keys.map(shardOf),
      bodies,
    ]);
  }

  async function fetchAll(queue: BusQueue, perShard = 100) {
    const shards = await queue.claim(60_000, null);
    return await queue.fetch(
      shards.map((row) => row.shard),
      perShard,
      [],
    );
  }

  it('refuses every write of a consumer that lost its lease, and suspects what it had in work', async () => {
    await createQueue('fenced', [['k', 'x']]);
    const zombie = createBusQueue(bus.db, 'fenced', uuidv7());
    const shards = (await zombie.claim(40, null)).map((row) => row.shard);
    const [stale] = await zombie.fetch(shards, 10, []);
    assert.ok(stale);
    const successor = createBusQueue(bus.db, 'fenced', uuidv7());
    const [mine] = await eventually('the lease has ended', async () => {
      const fetched = await fetchAll(successor);
      return fetched.length > 0 && fetched;
    });
    await zombie.ack([stale]);
    assert.equal(await zombie.retry(stale, 0, 'error'), false);
    assert.equal(await zombie.bury(stale, 'reason', undefined, false), false);
    assert.equal(await zombie.isolate(stale), false);
    assert.deepEqual(await zombie.fetch(shards, 10, []), []);
    assert.deepEqual([mine?.id, mine?.failures, mine?.crashes], [stale.id, 0, 1]);
    if (mine) await successor.ack([mine]);
    assert.deepEqual(await fetchAll(successor), []);
  });

  it('does not forget a message that fails while its key is being let go', async () => {
    await createQueue('racing', [
      ['k', 'first'],
      ['k', 'second'],
    ]);
    const owner = uuidv7();
    const queue = createBusQueue(bus.db, 'racing', owner);
    const [first, second] = await fetchAll(queue);
    assert.ok(first && second);
    await queue.retry(first, 0, 'error');
    await queue.ack([first]); // nothing of the key is set aside any more, but it is still held
    const { shard } = second;
    const waiting = Promise.withResolvers<void>();
    const failing = bus.db.transaction(async (tx) => {
      await tx.query('SELECT bus.retry($1, $2, $3::smallint, $4::bigint, $5::bigint, 0, $6)', [
        'racing',
        owner,
        shard,
        second.token,
        second.id,
        'error',
      ]);
      const fetching = queue.fetch([shard], 10, []);
      await eventually('the fetch waits for this transaction', async () => {
        const waits = await bus.db.query(
          "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%bus.fetch%'",
        );
        return waits.length > 0;
      });
      void fetching.then(() => waiting.resolve(), waiting.reject);
    });
    await failing;
    await waiting.promise;
    const [again] = await queue.fetch([shard], 10, []);
    assert.equal(again?.body, 'second');
  });

  it('suspects nothing of a consumer that left in peace', async () => {
    await createQueue('peaceful', [['k', 'x']]);
    const first = createBusQueue(bus.db, 'peaceful', uuidv7());
    await fetchAll(first);
    await first.leave();
    const [again] = await fetchAll(createBusQueue(bus.db, 'peaceful', uuidv7()));
    assert.equal(again?.crashes, 0);
  });

  it('reaches other keys behind a long backlog of a failing one, and walks through that only once', async () => {
    const backlog: [string, string][] = Array.from({ length: 500 }, (_, n) => ['bad', String(n)]);
    // Another key of the same shard, published last.
    const other = Array.from({ length: 1_000 }, (_, n) => `key-${n}`).find(
      (key) => shardOf(key) === shardOf('bad'),
    );
    assert.ok(other);
    await createQueue('backlog', [...backlog, [other, 'good']]);
    const queue = createBusQueue(bus.db, 'backlog', uuidv7());
    const [head] = await fetchAll(queue, 1);
    assert.ok(head && (await queue.retry(head, 60_000, 'error')));
    assert.deepEqual(
      (await fetchAll(queue, 50)).map(({ body }) => body),
      ['good'],
    );
    const [counts] = await bus.db.query(
      `SELECT (SELECT count(*)::integer FROM bus.held_delivery WHERE key = 'bad') AS aside,
         (SELECT count(*)::integer FROM bus.delivery WHERE key = 'bad') AS ahead`,
    );
    assert.deepEqual(counts, { aside: 500, ahead: 0 });
    await bus.db.query('UPDATE bus.held_key SET retry_at = now()');
    const due = await fetchAll(queue, 3);
    assert.deepEqual(
      due.filter(({ key }) => key === 'bad').map(({ body, failures }) => [body, failures]),
      [
        ['0', 1],
        ['1', 0],
        ['2', 0],
      ],
    );
  });
});
