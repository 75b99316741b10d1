import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { accounts, createRig, deposited, type Rig } from '../../test/rig.ts';
import { createEventStore, listCategories, listStreams, readStoredEvents } from '../index.ts';

describe('streams, as an operator finds them', () => {
  const store = createEventStore();
  let rig: Rig;
  before(async () => {
    rig = await createRig();
    assert.deepEqual(await listCategories(rig.db), []);
    assert.deepEqual(await listStreams(rig.db), []);
    for (const id of ['a', 'b', 'a'])
      await rig.db.transaction((tx) =>
        store.append(tx, accounts.stream(id), [deposited(1), deposited(2)], { expect: 'any' }),
      );
  });
  after(() => rig.close());

  it('are listed with their last event, the newest first', async () => {
    const found = await listStreams(rig.db);
    assert.deepEqual(
      found.map(({ streamId, category, version }) => [streamId, category, version]),
      [
        ['account-a', 'account', 4],
        ['account-b', 'account', 2],
      ],
    );
    assert.equal((await listStreams(rig.db, { limit: 1 })).length, 1);
    assert.deepEqual(await listStreams(rig.db, { category: 'nothing' }), []);
    assert.deepEqual(await listCategories(rig.db), ['account']);
  });

  it('are found by their name, and by what stands behind the category', async () => {
    for (const id of ['account-b', 'b'])
      assert.deepEqual(
        (await listStreams(rig.db, { id })).map(({ streamId }) => streamId),
        ['account-b'],
      );
    assert.deepEqual(await listStreams(rig.db, { id: 'c' }), []);
  });

  it('show their events as they were written, the newest first', async () => {
    const events = await readStoredEvents(rig.db, 'account-a', 3);
    assert.deepEqual(
      events.map(({ version, data }) => [version, (data as { amount: number }).amount]),
      [
        [4, 2],
        [3, 1],
        [2, 2],
      ],
    );
  });
});
