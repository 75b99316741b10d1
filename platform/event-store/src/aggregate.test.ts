import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import fc from 'fast-check';
import {
  type AccountEvent,
  account,
  accounts,
  createRig,
  deposited,
  type Rig,
  withdrawn,
} from '../test/rig.ts';
import { createAggregate, createEventStore, fold, readStream } from './index.ts';
import { readSnapshot, writeSnapshot } from './stream/snapshot-store.ts';
import { decideSpec } from './testing/index.ts';

const store = createEventStore();

describe('a decider', () => {
  const given = decideSpec(account);

  it('says what follows from what happened', () => {
    given.given(deposited(10), withdrawn(3)).when({ withdraw: 7 }).expect(withdrawn(7));
    given.given(deposited(10)).when({ withdraw: 0 }).expect();
    given.given(deposited(10), withdrawn(3)).when({ withdraw: 8 }).expectRefused('too-little');
    given.given().when({ withdraw: 1 }).expectRefused('too-little');
  });

  it('is not believed when something else follows', () => {
    const spec = given.given(deposited(10)).when({ withdraw: 7 });
    assert.throws(() => spec.expect(withdrawn(6)), { name: 'AssertionError' });
    assert.throws(() => spec.expect(), { name: 'AssertionError' });
    assert.throws(() => spec.expectRefused('too-little'), { name: 'AssertionError' });
  });
});

describe('an aggregate', () => {
  let rig: Rig;
  before(async () => {
    rig = await createRig();
  });
  after(() => rig.close());

  const plain = createAggregate({ store, category: accounts, decider: account });
  const withSnapshots = (everyEvents: number, schemaVersion = 1) =>
    createAggregate({
      store,
      category: accounts,
      decider: account,
      snapshots: {
        db: rig.db,
        schemaVersion,
        everyEvents,
        onError: (error) => assert.fail(String(error)),
      },
    });

  it('appends what its decider says, and nothing when it refuses', async () => {
    await rig.append('decides', deposited(5));
    const withdraw = (amount: number) =>
      rig.db.transaction((tx) => plain.execute(tx, 'decides', { withdraw: amount }));
    assert.deepEqual(await withdraw(3), { ok: true, value: [withdrawn(3)] });
    assert.deepEqual(await withdraw(3), { ok: false, rejection: 'too-little' });
    assert.deepEqual(await withdraw(0), { ok: true, value: [] });
    assert.deepEqual(await rig.db.transaction((tx) => plain.load(tx, 'decides')), {
      state: { balance: 2 },
      version: 2,
    });
  });

  it('lets commands to one thing wait for each other: no conflict, no overdraft', async () => {
    await rig.append('queue', deposited(30));
    const results = await Promise.all(
      Array.from({ length: 50 }, () =>
        rig.db.transaction((tx) => plain.execute(tx, 'queue', { withdraw: 1 })),
      ),
    );
    assert.equal(results.filter((result) => result.ok).length, 30);
    assert.deepEqual((await rig.db.transaction((tx) => plain.load(tx, 'queue'))).state, { balance: 0 });
  });

  it('sees what was appended while it waited for the lock', async () => {
    await rig.append('wait', deposited(5));
    const holder = await rig.begin();
    await store.append(holder, accounts.stream('wait'), [deposited(1), deposited(2)], { expect: 1 });
    const loading = rig.db.transaction((tx) => plain.load(tx, 'wait', { lock: true }));
    await eventually('it waits', async () => {
      const waiting = await rig.db.query(
        "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
      );
      return waiting.length === 1;
    });
    await holder.commit();
    assert.deepEqual(await loading, { state: { balance: 8 }, version: 3 });
  });

  it('takes a snapshot each time enough events were added, after the commit', async () => {
    await rig.append('snap', deposited(100));
    const every3 = withSnapshots(3);
    for (let n = 0; n < 5; n += 1)
      await rig.db.transaction((tx) => every3.execute(tx, 'snap', { withdraw: 1 }));
    await eventually('the snapshot of version 6', async () => {
      const found = await readSnapshot(rig.db, 'account-snap', 1);
      return found?.version === 6 && assert.deepEqual(found.state, { balance: 95 }) === undefined;
    });
    const failing = rig.db.transaction(async (tx) => {
      for (let n = 0; n < 3; n += 1) await every3.execute(tx, 'snap', { withdraw: 1 });
      throw new Error('rolled back');
    });
    await assert.rejects(failing);
    assert.equal((await readSnapshot(rig.db, 'account-snap', 1))?.version, 6);
  });

  it('ignores snapshots of another schema version, ahead of the stream, or changed by hand', async () => {
    await rig.append('ignore', deposited(5));
    const load = async () =>
      (await rig.db.transaction((tx) => withSnapshots(100, 2).load(tx, 'ignore'))).state;
    const wrong = { balance: 999 };
    await writeSnapshot(rig.db, 'account-ignore', 1, { version: 1, state: wrong });
    assert.deepEqual(await load(), { balance: 5 });
    await writeSnapshot(rig.db, 'account-ignore', 2, { version: 2, state: wrong });
    assert.deepEqual(await load(), { balance: 5 });
    await writeSnapshot(rig.db, 'account-ignore', 2, { version: 1, state: wrong });
    assert.deepEqual(await load(), wrong, 'one that fits is used');
    await rig.db.query(
      "UPDATE event_snapshot SET state = replace(state, '999', '998') WHERE stream_id = 'account-ignore'",
    );
    assert.deepEqual(await load(), { balance: 5 });
  });

  it('has the state of a full replay, whatever became of its snapshots', async () => {
    const event = fc
      .record({ isDeposit: fc.boolean(), amount: fc.integer({ min: 1, max: 1_000 }) })
      .map(({ isDeposit, amount }): AccountEvent => (isDeposit ? deposited(amount) : withdrawn(amount)));
    const damage = fc.constantFrom(
      'none',
      "state = state || ' '",
      "state = ''",
      'version = version - 1',
      'version = version + 1',
      'schema_version = 7',
      "checksum = ''",
    );
    let stream = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { minLength: 1, maxLength: 12 }),
        fc.nat(),
        damage,
        async (events, at, harm) => {
          stream += 1;
          const id = `law-${stream}`;
          await rig.append(id, ...events);
          const version = (at % events.length) + 1;
          const state = fold(account, account.initial, events.slice(0, version));
          await writeSnapshot(rig.db, `account-${id}`, 1, { version, state });
          if (harm !== 'none')
            await rig.db.query(`UPDATE event_snapshot SET ${harm} WHERE stream_id = 'account-${id}'`);
          const loaded = await rig.db.transaction((tx) => withSnapshots(3).load(tx, id));
          const replayed = fold(account, account.initial, await readStream(rig.db, accounts.stream(id)));
          assert.deepEqual(loaded, { state: replayed, version: events.length });
        },
      ),
      { numRuns: 60 },
    );
  });
});
