import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { uuidv7 } from '@flotilla/kernel';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { busMigrations } from '../migrations.ts';
import { type BusQueue, createBusQueue, type Fetched } from './bus-queue.ts';
import { shardOf } from './shard.ts';

const ROOM = { messages: 200, bytes: 1_000_000 };

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

  async function fetchAll(queue: BusQueue, perShard = 100, bytes = 1_000_000) {
    const shards = await queue.claim(60_000, null);
    const room = { messages: perShard * shards.length, bytes };
    return (
      await queue.fetch(
        shards.map((row) => row.shard),
        room,
        [],
      )
    ).deliveries;
  }

  it('refuses every write of a consumer that lost its lease, and suspects what it had in work', async () => {
    await createQueue('fenced', [['k', 'x']]);
    const zombie = createBusQueue(bus.db, 'fenced', uuidv7());
    const shards = (await zombie.claim(60_000, null)).map((row) => row.shard);
    const [stale] = (await zombie.fetch(shards, ROOM, [])).deliveries;
    assert.ok(stale);
    const successor = createBusQueue(bus.db, 'fenced', uuidv7());
    await vanish('fenced');
    const [mine] = await fetchAll(successor);
    await zombie.ack([stale]);
    assert.deepEqual((await zombie.fetch(shards, ROOM, [])).deliveries, []);
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

  it('suspects what a member had in work of all its shards, whoever takes them over and when', async () => {
    const keys = Array.from({ length: 40 }, (_, n) => `k${n}`);
    await createQueue(
      'shared',
      keys.map((key) => [key, key]),
    );
    const owner = uuidv7();
    const gone = createBusQueue(bus.db, 'shared', owner);
    assert.equal((await fetchAll(gone)).length, keys.length);
    const [first, second] = [
      createBusQueue(bus.db, 'shared', uuidv7()),
      createBusQueue(bus.db, 'shared', uuidv7()),
    ];
    // Only half of the shards are for the first: the second shows itself before, while none is free.
    assert.deepEqual(await second.claim(60_000, null), []);
    await vanish('shared', owner);
    const taken = await fetchAll(first);
    assert.ok(taken.length > 0 && taken.length < keys.length);
    const rest = await fetchAll(second);
    assert.equal(taken.length + rest.length, keys.length);
    assert.deepEqual(
      [...taken, ...rest].filter(({ suspect }) => !suspect),
      [],
    );
  });

  it('suspects nothing of a shard that was given back before its former owner vanished', async () => {
    await createQueue('given-back', [['k', 'x']]);
    const first = createBusQueue(bus.db, 'given-back', uuidv7());
    await fetchAll(first);
    await first.release([shardOf('k')]);
    // It gets the shard again, but takes nothing from it.
    assert.equal((await first.claim(60_000, null)).length, 16);
    await vanish('given-back');
    const [again] = await fetchAll(createBusQueue(bus.db, 'given-back', uuidv7()));
    assert.equal(again?.suspect, false);
  });

  it('hands out the oldest up to the bytes there is room for, and only that is in progress', async () => {
    const messages = Array.from({ length: 10 }, (_, n): [string, string] => [`k${n}`, `${n}`.repeat(1_000)]);
    await createQueue('large', messages);
    const member = createBusQueue(bus.db, 'large', uuidv7());
    const shards = (await member.claim(60_000, null)).map(({ shard }) => shard);
    const numbers = ({ deliveries }: Fetched) => deliveries.map(({ body }) => Number(body[0]));
    const first = await member.fetch(shards, { ...ROOM, bytes: 2_500 }, []);
    assert.deepEqual([numbers(first), first.isFull], [[0, 1, 2], true]);
    const rest = await member.fetch(shards, ROOM, first.deliveries);
    assert.deepEqual(numbers(rest), [3, 4, 5, 6, 7, 8, 9]);
    await member.leave();
    const other = createBusQueue(bus.db, 'large', uuidv7());
    await other.claim(60_000, null);
    assert.deepEqual(numbers(await other.fetch(shards, { ...ROOM, bytes: 1 }, [])), [0]);
    await vanish('large');
    const seen = await fetchAll(createBusQueue(bus.db, 'large', uuidv7()));
    assert.deepEqual(
      seen.filter(({ suspect }) => suspect).map(({ body }) => body[0]),
      ['0'],
    );
  });

  it('keeps in progress what the member has, whatever it fetches after that', async () => {
    await createQueue('two-fetches', [['k', 'first']]);
    const member = createBusQueue(bus.db, 'two-fetches', uuidv7());
    const has = await fetchAll(member);
    await createQueue('two-fetches', [['k', 'second']]);
    const one = { ...ROOM, messages: 1 };
    const [second, ...more] = (await member.fetch([shardOf('k')], one, has)).deliveries;
    assert.deepEqual([second?.body, more], ['second', []]);
    const third = await member.fetch([shardOf('k')], one, second ? [...has, second] : has);
    assert.deepEqual(third, { deliveries: [], isFull: false });
    await vanish('two-fetches');
    assert.deepEqual(
      (await fetchAll(createBusQueue(bus.db, 'two-fetches', uuidv7()))).map(({ body, suspect }) => [
        body,
        suspect,
      ]),
      [
        ['first', true],
        ['second', true],
      ],
    );
  });

  async function vanish(queue: string, owner: string | null = null): Promise<void> {
    await bus.db.query(
      `UPDATE bus.member SET alive_until = now() - interval '1 s'
       WHERE queue_id = (SELECT id FROM bus.queue WHERE name = $1) AND ($2::uuid IS NULL OR owner = $2)`,
      [queue, owner],
    );
  }
});
