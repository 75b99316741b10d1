import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import {
  accounts,
  createBalance,
  createRig,
  defineBalance,
  deposited,
  type Rig,
  type RigOptions,
} from '../../test/rig.ts';
import {
  createEventStore,
  listProjections,
  type ProjectionVerb,
  readProjectionCommand,
  requestProjection,
} from '../index.ts';

async function open(t: TestContext, options?: RigOptions): Promise<Rig> {
  const rig = await createRig(options);
  t.after(() => rig.close());
  return rig;
}

async function ask(
  rig: Rig,
  verb: ProjectionVerb,
  until: readonly string[] = ['done', 'refused', 'abandoned'],
) {
  const id = await requestProjection(rig.db, { name: 'balance', verb, by: 'tester' });
  return await eventually(`${verb} is ${until}`, async () => {
    const found = await readProjectionCommand(rig.db, id);
    return found && until.includes(found.status) && found;
  });
}

const generations = async (rig: Rig) =>
  (await listProjections(rig.db)).map(
    ({ generation, version, state }) => `${generation} v${version} ${state}`,
  );

async function sum(rig: Rig): Promise<number> {
  const [row] = await rig.db.query<{ sum: number }>(
    'SELECT COALESCE(sum(amount), 0)::integer AS sum FROM current_balance',
  );
  return row?.sum ?? 0;
}

/** Whoever appends faster than the machine can project waits: here it matters what is lost, not how much is done. */
const isNotFarBehind = (rig: Rig) =>
  eventually('the generations that are written are not far behind', async () => {
    const fed = (await listProjections(rig.db)).filter(
      ({ state }) => state === 'active' || state === 'building',
    );
    return fed.every(({ lagEvents }) => lagEvents < 100);
  });

for (const kind of ['inline', 'asynchronous'] as const) {
  const inline = kind === 'inline';
  const v1 = defineBalance({ inline });
  const v2 = defineBalance({ inline, version: 2, factor: 10 });
  const both = [v1, v2];
  const store = createEventStore({ projections: both });
  const options = { balance: kind, store } as const;

  describe(`rebuilding an ${kind} projection`, () => {
    it('shows the old one until the new one is complete, then the new one, and back', async (t) => {
      const rig = await open(t, options);
      rig.runner(both);
      for (let n = 0; n < 5; n += 1) await rig.append(`a${n}`, deposited(1));
      await eventually('version 1', async () => (await sum(rig)) === 5);
      const { status, outcome } = await ask(rig, 'rebuild');
      assert.deepEqual([status, outcome], ['done', 'generation 2 is what readers see']);
      assert.deepEqual(await generations(rig), ['1 v1 retired', '2 v2 active']);
      assert.equal(await sum(rig), 50);
      await rig.append('b', deposited(1));
      await eventually('version 2 goes on', async () => (await sum(rig)) === 60);

      assert.equal((await ask(rig, 'rollback')).status, 'done');
      assert.deepEqual(await generations(rig), ['1 v1 active', '2 v2 retired']);
      assert.equal(await sum(rig), 6, 'what was appended since is there');
      await rig.append('c', deposited(1));
      await eventually('version 1 goes on', async () => (await sum(rig)) === 7);
      assert.equal((await ask(rig, 'rollback')).status, 'done');
      assert.equal(await sum(rig), 70);
    });

    it('drops what is older than the one kept for a rollback', async (t) => {
      const rig = await open(t, options);
      rig.runner([v1, v2]);
      await rig.append('a', deposited(1));
      await eventually('the first one has handled it', async () => (await sum(rig)) === 1);
      for (const next of [2, 3, 4]) {
        assert.equal((await ask(rig, 'rebuild')).status, 'done');
        await eventually('the oldest is gone', async () => {
          const rows = await rig.db.query<{ generation: number }>(
            'SELECT DISTINCT generation FROM balance ORDER BY generation',
          );
          return rows.map((row) => row.generation).join() === [next - 1, next].join();
        });
      }
      await eventually('so is the record of it', async () => (await generations(rig)).length === 2);
      assert.deepEqual(await generations(rig), ['3 v2 retired', '4 v2 active']);
    });

    it('loses no event that is appended while it runs, and counts none twice', async (t) => {
      const rig = await open(t, options);
      rig.runner(both, { batchSize: 20 });
      rig.runner(both, { batchSize: 20 });
      let isOver = false;
      let appended = 0;
      const writers = [0, 1, 2, 3].map(async (n) => {
        while (!isOver) {
          await rig.append(`w${n}`, deposited(1));
          appended += 1;
          if (appended % 10 === 0) await isNotFarBehind(rig);
        }
      });
      try {
        for (const [verb, factor] of [
          ['rebuild', 10],
          ['rollback', 1],
          ['rollback', 10],
          ['rebuild', 10],
        ] as const) {
          assert.equal((await ask(rig, verb)).status, 'done');
          const [odd] = await rig.db.query('SELECT FROM current_balance WHERE amount % $1 <> 0', [factor]);
          assert.equal(odd, undefined);
        }
      } finally {
        isOver = true;
        await Promise.all(writers);
      }
      assert.ok(appended > 20, `${appended} events were appended`);
      await eventually('everything is counted once', async () => (await sum(rig)) === appended * 10);
    });

    it('can be given up, and the old one goes on', async (t) => {
      const rig = await open(t, options);
      const broken = defineBalance({ inline, version: 2, before: () => assert.fail('version 2 is broken') });
      rig.runner([v1, broken], { retryDelaysMs: [] });
      await rig.append('a', deposited(1));
      await eventually('it is there for feeds', async () => (await sum(rig)) === 1);
      await ask(rig, 'rebuild', ['running']);
      await eventually('it halts', async () => (await listProjections(rig.db)).some((one) => one.isHalted));
      assert.equal((await ask(rig, 'rebuild')).status, 'refused');
      await rig.append('a', deposited(1));
      await eventually('readers see version 1', async () => (await sum(rig)) === 2);
      assert.equal((await ask(rig, 'rollback')).status, 'done');
      await eventually('it is dropped', async () => (await generations(rig)).join() === '1 v1 active');
      assert.equal((await ask(rig, 'rollback')).status, 'refused');
    });

    it('does not go back to a version that is not defined any more', async (t) => {
      const rig = await open(t, options);
      const first = rig.runner(both);
      await rig.append('a', deposited(1));
      assert.equal((await ask(rig, 'rebuild')).status, 'done');
      await first.close();
      rig.runner([v2]);
      const refused = await ask(rig, 'rollback');
      assert.deepEqual(
        [refused.status, refused.outcome],
        ['refused', 'generation 1 needs version 1, which is not defined any more'],
      );
      assert.equal((await ask(rig, 'rebuild')).status, 'done');
      await eventually('its rows are gone all the same', async () => {
        const [left] = await rig.db.query('SELECT FROM balance WHERE generation = 1');
        return left === undefined && (await generations(rig)).join() === '2 v2 retired,3 v2 active';
      });
    });

    it('builds one that is created when there are events already, before anybody sees it', async (t) => {
      const rig = await open(t, { store });
      for (let n = 0; n < 5; n += 1) await rig.append('a', deposited(1));
      await createBalance(rig.db, inline);
      await rig.append('a', deposited(1));
      assert.equal(await sum(rig), 0);
      assert.equal((await listProjections(rig.db))[0]?.state, 'building');
      rig.runner(both);
      await eventually('it is complete', async () => (await sum(rig)) === 6);
      await rig.append('a', deposited(1));
      await eventually('it goes on', async () => (await sum(rig)) === 7);
    });
  });
}

describe('the switch of an inline projection', () => {
  const v1 = defineBalance({ inline: true });
  const v2 = defineBalance({ inline: true, version: 2, factor: 10 });
  const store = createEventStore({ projections: [v1, v2] });

  it('waits for appends that are under way, without holding up others for long', async (t) => {
    const rig = await open(t, { balance: 'inline', store });
    rig.runner([v1, v2]);
    const slow = await rig.begin();
    await store.append(slow, accounts.stream('slow'), [deposited(1)], { expect: 'none' });
    await ask(rig, 'rebuild', ['running']);
    // It knows version 1 only, so the switch must not overtake it; whoever comes meanwhile gets through.
    for (let n = 0; n < 10; n += 1) await rig.append('quick', deposited(1));
    assert.equal(await sum(rig), 10);
    assert.deepEqual(await generations(rig), ['1 v1 active', '2 v2 building']);
    await slow.commit();
    await eventually('version 2 has all of them', async () => (await sum(rig)) === 110);
  });

  it('takes what an append wrote that began before and committed after it', async (t) => {
    const rig = await open(t, { balance: 'inline', store });
    rig.runner([v1, v2]);
    await rig.append('a', deposited(1));
    // A transaction with an older number than the switch, which appends only once the switch is over.
    const early = await rig.begin();
    await early.query('SELECT pg_current_xact_id()');
    await ask(rig, 'rebuild', ['running', 'done']);
    await eventually('switched', async () => (await generations(rig)).includes('2 v2 active'));
    await store.append(early, accounts.stream('b'), [deposited(1)], { expect: 'none' });
    await early.commit();
    assert.equal(await sum(rig), 20);
    assert.equal((await ask(rig, 'rollback')).status, 'done');
    assert.equal(await sum(rig), 2);
  });
});

describe('a dump restored into another cluster', () => {
  it('appends and projects again once it has been given a new origin', async (t) => {
    const versions = [defineBalance()];
    const rig = await open(t, { balance: 'asynchronous' });
    const runner = rig.runner(versions);
    await rig.append('a', deposited(1), deposited(2));
    await eventually('handled', async () => (await sum(rig)) === 3);
    await runner.close();
    // As after a restore: the numbers of the old cluster are far ahead of the new one's.
    await rig.db.query("UPDATE event SET xid = '900000000000'");
    await rig.db.query("UPDATE event_stream SET last_xid = '900000000000'");
    await rig.db.query("UPDATE projection_generation SET xid = '900000000000'");
    await assert.rejects(rig.append('a', deposited(4)), { code: 'EVENT_STORE_ORDER_CONFLICT' });

    await rig.db.query("UPDATE event SET xid = '3'");
    await rig.db.query("UPDATE event_stream SET last_xid = '3'");
    await rig.append('a', deposited(4));
    rig.runner(versions);
    assert.equal((await ask(rig, 'rebuild')).status, 'done');
    // The newest event may still wait at the horizon, for transactions of whoever shares this server.
    await eventually('all of it is there', async () => (await sum(rig)) === 7);
    await rig.append('a', deposited(5));
    await eventually('it goes on', async () => (await sum(rig)) === 12);
  });
});
