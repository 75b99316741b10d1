import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { counted, createTestSystem, type TestSystem } from '../../test/system.ts';
import { createTestTransport } from '../../test/transport.ts';
import { createTestMessage } from '../testing/test-message.ts';
import { createBatchSize } from './batch-size.ts';
import { on } from './handler.ts';

describe('messages that share a transaction', () => {
  let system: TestSystem;
  before(async () => {
    system = await createTestSystem();
    await system.service.db.query(
      'CREATE TABLE stock (id integer PRIMARY KEY); INSERT INTO stock SELECT generate_series(1, 99)',
    );
  });
  after(() => system.close());

  const sell = on(counted, async ({ data }, tx) => {
    await tx.query('UPDATE stock SET id = id WHERE id = $1', [data.n]);
    await tx.query('INSERT INTO effect (key, n) VALUES ($1, $2)', [data.key, data.n]);
  });
  const messages = (...ids: readonly number[]) =>
    ids.map((n) => createTestMessage(counted, { key: `k${n}`, n }));
  const handled = async () =>
    await system.service.db.query<{ n: number; by: string }>(
      'SELECT n, xmin::text AS by FROM effect ORDER BY id',
    );

  it('never keep a row while they wait for another, and go one by one while that is in the way', async () => {
    const transport = createTestTransport();
    await system.consumer(transport, [sell]);
    await transport.deliver(messages(10, 11));
    assert.equal(new Set((await handled()).map(({ by }) => by)).size, 1);

    await system.service.db.query('DELETE FROM effect');
    const delivered = await system.service.db.transaction(async (tx) => {
      await tx.query('UPDATE stock SET id = id WHERE id = 2', []);
      const settled = transport.deliver(messages(1, 2, 3));
      await eventually('the first is done', async () => (await handled()).length === 1);
      // With the first row still locked by them each would wait for the other here.
      await tx.query('UPDATE stock SET id = id WHERE id = 1', []);
      return { settled };
    });
    assert.deepEqual(await delivered.settled, ['done', 'done', 'done']);
    await transport.deliver(messages(4, 5));
    const done = await handled();
    assert.deepEqual(
      done.map(({ n }) => n),
      [1, 2, 3, 4, 5],
    );
    assert.equal(new Set(done.map(({ by }) => by)).size, 5);
    const failed = await system.service.db.query(
      'SELECT FROM inbox_held UNION ALL SELECT FROM inbox_dead_letter',
    );
    assert.equal(failed.length, 0, 'nobody is charged with it');
  });

  it('become more again as nothing is in the way', () => {
    const size = createBatchSize(32);
    assert.equal(size.now(), 32);
    size.contended();
    assert.equal(size.now(), 1);
    const sizes = Array.from({ length: 400 }, () => {
      size.succeeded();
      return size.now();
    });
    assert.deepEqual([...new Set(sizes)], [1, 2, 4, 8, 16, 32]);
  });
});
