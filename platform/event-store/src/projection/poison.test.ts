import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually } from '@flotilla/kernel/testing';
import { createMetrics } from '@flotilla/telemetry';
import { createRig, createTally, defineBalance, defineTally, deposited, type Rig } from '../../test/rig.ts';
import { listProjections, readProjectionCommand, requestProjection } from '../index.ts';
import { judge, nextWork, type WorkMark } from './work-mark.ts';

const FIXTURE = fileURLToPath(new URL('../../test/poison.fixture.ts', import.meta.url));

const row = (id: string, events: number, amount: number) => ({ stream_id: `account-${id}`, events, amount });

async function open(t: TestContext): Promise<Rig> {
  const rig = await createRig({ balance: 'asynchronous' });
  await createTally(rig.db);
  t.after(() => rig.close());
  return rig;
}

const statusOf = async (rig: Rig, name: string, state = 'active') =>
  (await listProjections(rig.db)).find((one) => one.name === name && one.state === state);

/** Starts processes one after the other until `isOver`; resolves with how many of them ended. */
async function restartUntil(
  { uri }: Rig,
  [deadly, version = '1']: readonly [deadly: string, version?: string],
  isOver: () => Promise<boolean>,
): Promise<number> {
  for (let ended = 0; ; ended += 1) {
    assert.ok(ended < 8, 'a crash loop');
    const child = spawn(process.execPath, [FIXTURE, uri, deadly, version], { stdio: 'inherit' });
    const exited = once(child, 'exit');
    try {
      const how = await eventually('it is over, or the process has ended', async () => {
        if (child.exitCode !== null || child.signalCode !== null) return 'ended';
        return (await isOver()) && 'over';
      });
      if (how === 'over') return ended;
    } finally {
      child.kill('SIGKILL');
      await exited;
    }
  }
}

async function command(rig: Rig, verb: 'skip' | 'resume' | 'rebuild', atPosition?: string) {
  const asked = { name: 'balance', verb, by: 'test', ...(atPosition && { atPosition }) };
  const id = await requestProjection(rig.db, asked);
  return await eventually('it is answered', async () => {
    const found = await readProjectionCommand(rig.db, id);
    return found?.status !== 'pending' && found;
  });
}

const isHalted = (rig: Rig, state?: string) => async () =>
  (await statusOf(rig, 'balance', state))?.isHalted === true &&
  (await statusOf(rig, 'tally'))?.lagEvents === 0;

describe('an event whose handler ends the process', { concurrency: 2 }, () => {
  for (const how of ['exit', 'out of memory'])
    it(`halts its projection and no other (${how}), and is skipped only by an operator`, async (t) => {
      const rig = await open(t);
      await rig.append('a', deposited(1), deposited(2));
      await rig.append('b', deposited(13));
      await rig.append('a', deposited(4), deposited(5), deposited(6));
      // One that had the event in hand with others, then three that had it alone.
      assert.equal(await restartUntil(rig, [how], isHalted(rig)), 4);
      const halted = await statusOf(rig, 'balance');
      assert.equal(halted?.failedEvent, 'deposited, version 1 of account-b');
      assert.match(halted.error ?? '', /^EVENT_STORE_HANDLER_CRASH: 3 processes ended/);
      assert.equal(halted.crashes, 3);
      assert.deepEqual(await rig.balances(), [row('a', 2, 3)], 'nothing behind it was handled');
      const [tally] = await rig.db.query('SELECT count(*)::integer AS events FROM tally');
      assert.deepEqual(tally, { events: 6 });

      const metrics = createMetrics();
      rig.runner([defineBalance(), defineTally()], { metrics, observeIntervalMs: 20 });
      await eventually('the metric', () =>
        metrics.render().includes('event_store_projection_halted{projection="balance",state="active"} 1'),
      );
      assert.equal((await command(rig, 'skip', halted.failedPosition ?? '')).status, 'done');
      await eventually(
        'it goes on behind it',
        async () => (await rig.balances()).length === 1 && !(await isBehind(rig)),
      );
      assert.deepEqual(await rig.balances(), [row('a', 5, 18)]);
    });

  it('is tried again when an operator says so, and halts again where nothing was repaired', async (t) => {
    const rig = await open(t);
    await rig.append('a', deposited(1));
    await rig.append('b', deposited(13));
    await restartUntil(rig, ['exit'], isHalted(rig));
    assert.equal(await restartUntil(rig, ['exit'], isHalted(rig)), 0, 'whoever starts next stays alive');
    const resume = () => requestProjection(rig.db, { name: 'balance', verb: 'resume', by: 'test' });
    await resume();
    await eventually('nothing has answered yet', async () => (await statusOf(rig, 'balance'))?.isHalted);
    const again = await restartUntil(rig, ['exit'], async () => {
      const [{ open: commands } = { open: 0 }] = await rig.db.query<{ open: number }>(
        "SELECT count(*)::integer AS open FROM projection_command WHERE status = 'pending'",
      );
      return commands === 0 && (await isHalted(rig)());
    });
    assert.ok(again === 3 || again === 4, `${again} processes`);
    await resume();
    rig.runner([defineBalance(), defineTally()]); // repaired
    await eventually('all is handled', async () => !(await isBehind(rig)));
    assert.deepEqual(await rig.balances(), [row('a', 1, 1), row('b', 1, 13)]);
  });

  it('halts a rebuild, while readers go on with what they have', async (t) => {
    const rig = await open(t);
    await rig.append('a', deposited(1), deposited(13), deposited(2));
    const first = rig.runner([defineBalance(), defineBalance({ version: 2 }), defineTally()]);
    await eventually('all is handled', async () => !(await isBehind(rig)));
    await first.close();
    await requestProjection(rig.db, { name: 'balance', verb: 'rebuild', by: 'test' });
    const ended = await restartUntil(rig, ['exit', '2'], isHalted(rig, 'building'));
    assert.ok(ended >= 3 && ended <= 5, `${ended} processes`);
    assert.match((await statusOf(rig, 'balance', 'building'))?.error ?? '', /HANDLER_CRASH/);
    assert.equal((await statusOf(rig, 'balance'))?.isHalted, false);
    await rig.append('a', deposited(3));
    await restartUntil(rig, ['exit', '2'], async () => (await statusOf(rig, 'balance'))?.lagEvents === 0);
    assert.deepEqual(await rig.balances(), [row('a', 4, 19)]);
  });
});

async function isBehind(rig: Rig): Promise<boolean> {
  return (await listProjections(rig.db)).some(({ lagEvents, isHalted: halted }) => lagEvents > 0 || halted);
}

describe('a process that ends by chance', () => {
  it('is not held against the events it had in hand, however often', async (t) => {
    const rig = await open(t);
    // Each time as if it had been killed over the next event, alone.
    for (let n = 1; n <= 6; n += 1) {
      await rig.append('a', deposited(1));
      await rig.db.query(
        `UPDATE projection_generation SET worked_by = 'killed', worked_events = 1, alone = 1,
           worked_at = clock_timestamp() - interval '1 minute' WHERE name = 'balance'`,
      );
      const runner = rig.runner([defineBalance()]);
      await eventually('it goes on', async () => (await amountOf(rig)) === n);
      await runner.close();
    }
    assert.equal((await statusOf(rig, 'balance'))?.isHalted, false);
  });

  it('leaves nothing on the account of the event after the one that succeeded', async (t) => {
    const rig = await open(t);
    await rig.append('a', deposited(1), deposited(2));
    await rig.db.query(
      `UPDATE projection_generation SET worked_by = 'killed', worked_events = 1, alone = 2, crashes = 1,
         worked_at = clock_timestamp() - interval '1 minute' WHERE name = 'balance'`,
    );
    const counts: (number | undefined)[] = [];
    const before = async () => {
      counts.push((await statusOf(rig, 'balance'))?.crashes);
    };
    rig.runner([defineBalance({ before })]);
    await eventually('both are handled', async () => (await amountOf(rig)) === 3);
    assert.deepEqual(counts, [2, 0]);
  });

  it('holds up no switch when it had nothing left to handle', async (t) => {
    const rig = await open(t);
    await rig.db.query(
      `INSERT INTO projection_generation (name, generation, version, state, worked_by, worked_events, worked_at)
       VALUES ('balance', 2, 1, 'building', 'killed', 500, clock_timestamp() - interval '1 minute')`,
    );
    rig.runner([defineBalance()]);
    await eventually('it is switched', async () => {
      const generations = await listProjections(rig.db);
      return generations.some(({ generation, state }) => generation === 2 && state === 'active');
    });
  });

  it('makes its successor handle a suspected event while no other projection is at work', async (t) => {
    const rig = await open(t);
    await rig.append('a', deposited(1));
    const markKilled = (name: string, workedAt: string) =>
      rig.db.query(
        `UPDATE projection_generation SET worked_by = 'killed', worked_events = 1, alone = $2,
           worked_at = clock_timestamp() + $3::interval WHERE name = $1`,
        [name, name === 'balance' ? 1 : 0, workedAt],
      );
    await markKilled('balance', '-1 minute');
    await markKilled('tally', '1 hour');
    const caughtUp = async () => (await statusOf(rig, 'tally'))?.lagEvents === 0;
    const meanwhile: boolean[] = [];
    // The other's mark comes to look abandoned while this handler runs: then it would be at work beside it.
    const before = async () => {
      await markKilled('tally', '-1 minute');
      const others = eventually('the other goes on', caughtUp, 2_000);
      meanwhile.push(
        await others.then(
          () => true,
          () => false,
        ),
      );
    };
    rig.runner([defineBalance({ before }), defineTally()]);
    await eventually('both have handled it', async () => (await caughtUp()) && (await amountOf(rig)) === 1);
    assert.deepEqual(meanwhile, [false]);
  });

  it('leaves no suspicion when it was closed', async (t) => {
    const rig = await open(t);
    const entered = Promise.withResolvers<void>();
    const opened = Promise.withResolvers<void>();
    const before = async () => {
      entered.resolve();
      await opened.promise;
    };
    await rig.append('a', ...Array.from({ length: 9 }, () => deposited(1)));
    const leaving = rig.runner([defineBalance({ before })], { batchSize: 4 });
    await entered.promise;
    const closed = leaving.close();
    opened.resolve();
    await closed;
    const marks = await rig.db.query(
      'SELECT worked_by, alone, crashes FROM projection_generation WHERE name = $1',
      ['balance'],
    );
    assert.deepEqual(marks, [{ worked_by: null, alone: 0, crashes: 0 }]);
    assert.deepEqual(await rig.balances(), [row('a', 4, 4)]);
  });

  it('is not suspected while it works, however long that takes', async (t) => {
    const rig = await open(t);
    const entered = Promise.withResolvers<void>();
    const opened = Promise.withResolvers<void>();
    const before = async () => {
      entered.resolve();
      await opened.promise;
    };
    await rig.append('a', deposited(1));
    rig.runner([defineBalance({ before })]);
    await entered.promise;
    const other = rig.runner([defineBalance(), defineTally()]);
    await eventually('its mark has been old for many looks', async () => {
      other.nudge();
      const [mark] = await rig.db.query<{ old: boolean }>(
        `SELECT worked_at < clock_timestamp() - interval '1.8 s' AS old FROM projection_generation WHERE name = 'balance'`,
      );
      return mark?.old;
    });
    const marks = await rig.db.query('SELECT alone, crashes FROM projection_generation WHERE name = $1', [
      'balance',
    ]);
    assert.deepEqual(marks, [{ alone: 0, crashes: 0 }]);
    assert.equal(await amountOf(rig), 0, 'the other one does not handle it');
    opened.resolve();
    await eventually('it is handled', async () => (await amountOf(rig)) === 1);
  });
});

async function amountOf(rig: Rig): Promise<number> {
  const [found] = (await rig.balances()) as readonly { readonly amount: number }[];
  return found?.amount ?? 0;
}

describe('who may handle the next events', () => {
  const mark: WorkMark = { worked_by: null, worked_events: null, is_work_fresh: false, alone: 0, crashes: 0 };

  it('is decided by the mark', () => {
    assert.equal(judge(mark, 'me'), 'free');
    assert.equal(judge({ ...mark, worked_by: 'me' }, 'me'), 'ours');
    assert.equal(judge({ ...mark, worked_by: 'you', is_work_fresh: true }, 'me'), 'others');
    assert.equal(judge({ ...mark, worked_by: 'you' }, 'me'), 'abandoned');
  });

  it('takes them one by one after a crash, and counts only who had one alone', () => {
    const left = { ...mark, worked_by: 'you', worked_events: 200 };
    assert.deepEqual(nextWork(mark, 'free', 200), { events: 200, alone: 0, crashes: 0 });
    assert.deepEqual(nextWork(left, 'abandoned', 200), { events: 1, alone: 200, crashes: 0 });
    assert.equal(nextWork({ ...left, worked_events: 1 }, 'abandoned', 1).crashes, 0);
    const alone = { ...left, worked_events: 1, alone: 150, crashes: 1 };
    assert.deepEqual(nextWork(alone, 'abandoned', 200), { events: 1, alone: 150, crashes: 2 });
    assert.deepEqual(nextWork(alone, 'ours', 200), { events: 1, alone: 150, crashes: 1 });
  });
});
