import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { createMetrics } from '@flotilla/telemetry';
import {
  type AccountEvent,
  accounts,
  defineBalance,
  deposited,
  open,
  type Rig,
  recordingLogger,
  row,
  settles,
  withdrawn,
} from '../../test/rig.ts';
import {
  createEventStore,
  defineProjection,
  listProjectionCommands,
  listProjections,
  projectionCaughtUp,
  readProjectionCommand,
  requestProjection,
} from '../index.ts';

const statusOf = async (rig: Rig) => (await listProjections(rig.db))[0];

async function command(rig: Rig, verb: 'skip' | 'resume', atPosition?: string) {
  const id = await requestProjection(rig.db, {
    name: 'balance',
    verb,
    by: 'tester',
    ...(atPosition !== undefined && { atPosition }),
  });
  return await eventually('it is answered', async () => {
    const found = await readProjectionCommand(rig.db, id);
    return found?.status !== 'pending' && found;
  });
}

describe('an inline projection', () => {
  const inline = defineBalance({ inline: true });

  it('is there when the append is, and not when it is rolled back', async (t) => {
    const store = createEventStore({ projections: [inline] });
    const rig = await open(t, { balance: 'inline', store });
    await rig.append('a', deposited(5), withdrawn(2));
    assert.deepEqual(await rig.balances(), [row('a', 2, 3)]);
    const failing = rig.db.transaction(async (tx) => {
      await store.append(tx, accounts.stream('a'), [deposited(9)], { expect: 2 });
      throw new Error('rolled back');
    });
    await assert.rejects(failing, /rolled back/);
    assert.deepEqual(await rig.balances(), [row('a', 2, 3)]);
  });

  it('gives its handler the event as a later reader will see it', async (t) => {
    const seen: object[] = [];
    const projection = defineProjection<AccountEvent>({
      name: 'balance',
      version: 1,
      inline: true,
      categories: [accounts],
      tables: ['balance'],
      handle: async (_tx, event) => void seen.push(event),
    });
    const rig = await open(t, { balance: 'inline', store: createEventStore({ projections: [projection] }) });
    await rig.append('same', deposited(1), deposited(2));
    const { readStream } = await import('../stream/read-stream.ts');
    assert.deepEqual(seen, await readStream(rig.db, accounts.stream('same')));
  });

  it('refuses appends of code that does not know it, rather than lose them', async (t) => {
    const rig = await open(t, { balance: 'inline' });
    await assert.rejects(rig.append('a', deposited(1)), { code: 'EVENT_STORE_UNKNOWN_PROJECTION' });
    assert.deepEqual(await rig.db.query('SELECT FROM event'), []);
  });
});

describe('an asynchronous projection', () => {
  it('handles every event once, in the order of each stream', async (t) => {
    const seen: string[] = [];
    const rig = await open(t, { balance: 'asynchronous' });
    rig.runner(
      [defineBalance({ before: ({ streamId, data }) => void seen.push(`${streamId} ${data.amount}`) })],
      {
        batchSize: 7,
      },
    );
    for (let n = 1; n <= 20; n += 1)
      await Promise.all(['a', 'b', 'c'].map((id) => rig.append(id, deposited(n))));
    await settles(rig, row('a', 20, 210), row('b', 20, 210), row('c', 20, 210));
    const ofA = seen.filter((line) => line.startsWith('account-a'));
    assert.deepEqual(
      ofA,
      Array.from({ length: 20 }, (_none, n) => `account-a ${n + 1}`),
    );
  });

  it('is shared by several runners without doing anything twice', async (t) => {
    const rig = await open(t, { balance: 'asynchronous' });
    for (let n = 0; n < 3; n += 1) rig.runner([defineBalance()], { batchSize: 3 });
    await Promise.all(Array.from({ length: 100 }, (_none, n) => rig.append(`s${n % 4}`, deposited(1))));
    await settles(rig, ...[0, 1, 2, 3].map((n) => row(`s${n}`, 25, 25)));
  });

  it('keeps rows and position together: what fails in a batch leaves neither', async (t) => {
    const rig = await open(t, { balance: 'asynchronous' });
    await rig.append('a', deposited(1), deposited(2), deposited(3));
    let failures = 0;
    rig.runner([
      defineBalance({
        before: ({ data }) => {
          if (data.amount === 3 && failures++ < 2) throw new Error('not yet');
        },
      }),
    ]);
    await settles(rig, row('a', 3, 6));
    assert.equal(failures, 3);
    assert.equal((await statusOf(rig))?.attempts, 0);
  });

  it('halts at an event it cannot handle, says so, and handles what came before', async (t) => {
    const rig = await open(t, { balance: 'asynchronous' });
    const { logger, lines } = recordingLogger();
    const metrics = createMetrics();
    const poison = { before: ({ data }: AccountEvent) => assert.notEqual(data.amount, 13) };
    rig.runner([defineBalance(poison)], { logger, metrics, observeIntervalMs: 20 });
    await rig.append('a', deposited(1), deposited(13), deposited(2));
    const halted = await eventually('it halts', async () => {
      const status = await statusOf(rig);
      return status?.isHalted && status;
    });
    assert.equal(halted.attempts, 3);
    assert.equal(halted.failedEvent, 'deposited, version 2 of account-a');
    assert.match(halted.error ?? '', /13/);
    assert.equal(halted.lagEvents, 2);
    assert.deepEqual(await rig.balances(), [row('a', 1, 1)]);
    assert.ok(lines.some(({ msg, event }) => /has halted/.test(String(msg)) && event === halted.failedEvent));
    await eventually('the metric', () =>
      metrics.render().includes('event_store_projection_halted{projection="balance",state="active"} 1'),
    );

    const other = await command(rig, 'skip', '999999');
    assert.equal(other.status, 'refused');
    const skipped = await command(rig, 'skip', halted.failedPosition ?? '');
    assert.equal(skipped.status, 'done');
    assert.match(skipped.outcome ?? '', /without deposited, version 2 of account-a/);
    await settles(rig, row('a', 2, 3));
    const audit = await listProjectionCommands(rig.db);
    assert.deepEqual(
      audit.map(({ verb, status, requestedBy }) => [verb, status, requestedBy]),
      [
        ['skip', 'done', 'tester'],
        ['skip', 'refused', 'tester'],
      ],
    );
  });

  it('halts at an event whose handler hides that a statement failed', async (t) => {
    const rig = await open(t, { balance: 'asynchronous' });
    const hiding = defineProjection<AccountEvent>({
      name: 'balance',
      version: 1,
      categories: [accounts],
      tables: ['balance'],
      handle: async (tx, { streamId, data }, { generation }) => {
        if (data.amount === 13) await tx.query('SELECT 1 / 0').catch(() => undefined);
        else
          await tx.query('INSERT INTO balance VALUES ($1, $2, 1, $3)', [generation, streamId, data.amount]);
      },
    });
    for (const [id, amount] of [
      ['a', 1],
      ['b', 13],
      ['c', 2],
    ] as const)
      await rig.append(id, deposited(amount));
    rig.runner([hiding]);
    const halted = await eventually('it halts', async () => {
      const status = await statusOf(rig);
      return status?.isHalted && status;
    });
    assert.equal(halted.failedEvent, 'deposited, version 1 of account-b');
    assert.deepEqual(await rig.balances(), [row('a', 1, 1)]);
  });

  const unstorable: readonly (readonly [what: string, fail: () => void])[] = [
    ['half a surrogate pair, as JSON.parse quotes it', () => JSON.parse('\u{1f600} is no JSON')],
    ['NUL', () => assert.fail('a\0b')],
    ['a pair where it is cut', () => assert.fail(`${'x'.repeat(499)}\u{1f600}`)],
  ];
  for (const [what, before] of unstorable)
    it(`halts at an event whose failure has ${what}`, async (t) => {
      const rig = await open(t, { balance: 'asynchronous' });
      rig.runner([defineBalance({ before })]);
      await rig.append('a', deposited(1));
      const halted = await eventually('it halts', async () => {
        const status = await statusOf(rig);
        return status?.isHalted && status;
      });
      assert.equal(halted.attempts, 3);
      assert.doesNotMatch(halted.error ?? '', /\ufffd$/);
    });

  it('tries again when an operator says so', async (t) => {
    const rig = await open(t, { balance: 'asynchronous' });
    let isBroken = true;
    const before = () => assert.equal(isBroken, false);
    rig.runner([defineBalance({ before })], { retryDelaysMs: [] });
    await rig.append('a', deposited(1));
    await eventually('it halts', async () => (await statusOf(rig))?.isHalted);
    isBroken = false;
    assert.equal((await command(rig, 'resume')).status, 'done');
    await settles(rig, row('a', 1, 1));
    assert.equal((await command(rig, 'resume')).status, 'refused');
  });

  it('gives up a handler that hangs, and refuses what it writes later', async (t) => {
    const rig = await open(t, { balance: 'asynchronous' });
    let release = (): void => undefined;
    const hanging = new Promise<void>((resolve) => {
      release = resolve;
    });
    let calls = 0;
    const before = () => (++calls === 1 ? hanging : undefined);
    rig.runner([defineBalance({ before })], { handlerTimeoutMs: 1_000 });
    await rig.append('a', deposited(1));
    await settles(rig, row('a', 1, 1));
    release();
    await rig.append('a', deposited(1));
    await settles(rig, row('a', 2, 2));
  });

  it('can be waited for by who has just appended', async (t) => {
    const rig = await open(t, { balance: 'asynchronous' });
    const store = createEventStore();
    const appended = await rig.db.transaction((tx) =>
      store.append(tx, accounts.stream('a'), [deposited(1)], { expect: 'none' }),
    );
    const wait = (timeoutMs: number) =>
      projectionCaughtUp(rig.db, 'balance', appended, { clock: systemClock, timeoutMs });
    assert.equal(await wait(40), false);
    rig.runner([defineBalance()]);
    assert.equal(await wait(60_000), true);
    assert.deepEqual(await rig.balances(), [row('a', 1, 1)]);
  });

  it('says who holds it up', async (t) => {
    const rig = await open(t, { balance: 'asynchronous' });
    const { logger, lines } = recordingLogger();
    const metrics = createMetrics();
    rig.runner([defineBalance()], { logger, metrics, horizonWarnMs: 1, observeIntervalMs: 10 });
    const idle = await rig.begin();
    await idle.query("SET application_name = 'forgotten-session'");
    await idle.query('SELECT pg_current_xact_id()');
    await rig.append('a', deposited(1));
    await eventually('it is logged', () =>
      lines.some(
        ({ msg, application }) => /open for long/.test(String(msg)) && application === 'forgotten-session',
      ),
    );
    await eventually('it is measured', () =>
      /event_store_horizon_lag_seconds (0\.0*)?[1-9]/.test(metrics.render()),
    );
    assert.deepEqual(await rig.balances(), []);
    await idle.rollback();
    await settles(rig, row('a', 1, 1));
  });

  it('goes on when its connections are terminated in the middle of an event, again and again (case 10)', async (t) => {
    const rig = await open(t, { balance: 'asynchronous' });
    let cuts = 6; // more than the attempts that an event has
    const before = async () => {
      if (cuts-- > 0)
        await rig.db.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND pid <> pg_backend_pid()`,
        );
    };
    await rig.append('a', deposited(1), deposited(2));
    rig.runner([defineBalance({ before })], { batchSize: 3 });
    await settles(rig, row('a', 2, 3));
    assert.equal((await statusOf(rig))?.isHalted, false);
  });

  it('misses nobody who commits late', async (t) => {
    const rig = await open(t, { balance: 'asynchronous' });
    const store = createEventStore();
    const runner = rig.runner([defineBalance()]);
    const late = await rig.begin();
    await store.append(late, accounts.stream('late'), [deposited(1)], { expect: 'none' });
    await rig.append('early', deposited(2));
    runner.nudge();
    await late.commit();
    await settles(rig, row('early', 1, 2), row('late', 1, 1));
  });
});

describe('declaring projections', () => {
  it('refuses contradictions', () => {
    const store = (...projections: Parameters<typeof defineBalance>[0][]) =>
      createEventStore({ projections: projections.map((options) => defineBalance(options)) });
    assert.throws(() => store({}, {}), TypeError);
    assert.throws(() => store({}, { version: 2, inline: true }), TypeError);
    assert.throws(() => defineBalance({ version: 0 }), TypeError);
    assert.throws(
      () =>
        defineProjection({
          name: 'x',
          version: 1,
          categories: [],
          tables: ['a; DROP'],
          handle: async () => {},
        }),
      TypeError,
    );
  });
});
