import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { uuidv7 } from '@flotilla/kernel';
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
    await bus.db.query(
      'SELECT bus.publish($1::text[], $2::text[], $3::smallint[], $4::text[], $5::boolean[])',
      [keys.map(() => name), keys, keys.map(shardOf), bodies, keys.map(() => false)],
    );
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
    const shards = (await zombie.claim(60_000, null)).map((row) => row.shard);
    const [stale] = await zombie.fetch(shards, 10, []);
    assert.ok(stale);
    const successor = createBusQueue(bus.db, 'fenced', uuidv7());
    await vanish('fenced');
    const [mine] = await fetchAll(successor);
    await zombie.ack([stale]);
    assert.deepEqual(await zombie.fetch(shards, 10, []), []);
    assert.deepEqual([mine?.id, mine?.suspect], [stale.id, true]);
    if (mine) await successor.ack([mine]);
    assert.deepEqual(await fetchAll(successor), []);
  });

  it('suspects nothing of a consumer that left in peace', async () => {
    await createQueue('peaceful', [['k', 'x']]);
    const first = createBusQueue(bus.db, 'peaceful', uuidv7());
    await fetchAll(first);
    await first.leave();
    const [again] = await fetchAll(createBusQueue(bus.db, 'peaceful', uuidv7()));
    assert.equal(again?.suspect, false);
  });

  it('suspects what was in work and nothing that came later, until it is handled', async () => {
    await createQueue('suspected', [['k', 'in work']]);
    await fetchAll(createBusQueue(bus.db, 'suspected', uuidv7()));
    await createQueue('suspected', [['k', 'later']]);
    await vanish('suspected');
    const second = createBusQueue(bus.db, 'suspected', uuidv7());
    assert.deepEqual(
      (await fetchAll(second)).map(({ body, suspect }) => [body, suspect]),
      [
        ['in work', true],
        ['later', false],
      ],
    );
    await second.leave();
    const [first] = await fetchAll(createBusQueue(bus.db, 'suspected', uuidv7()));
    assert.equal(first?.suspect, true, 'a peaceful handover does not clear it');
  });

  async function vanish(queue: string): Promise<void> {
    await bus.db.query(
      `UPDATE bus.member SET alive_until = now() - interval '1 s'
       WHERE queue_id = (SELECT id FROM bus.queue WHERE name = $1)`,
      [queue],
    );
  }
});
