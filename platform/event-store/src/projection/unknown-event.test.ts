import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as s from '@flotilla/kernel/schema';
import { eventually } from '@flotilla/kernel/testing';
import { createMetrics } from '@flotilla/telemetry';
import {
  type AccountEvent,
  defineBalance,
  deposited,
  open,
  type Rig,
  recordingLogger,
  row,
  settles,
} from '../../test/rig.ts';
import {
  createEventStore,
  type DomainEvent,
  defineCategory,
  defineEvent,
  defineProjection,
  listProjections,
  readProjectionCommand,
  requestProjection,
} from '../index.ts';

/** As code appends it that knows more than that of these tests. */
async function appendOf(rig: Rig, type: string, version: number): Promise<void> {
  await rig.db.query(
    `SELECT append_events('account-a', 'account', NULL, $1::text::jsonb, NULL, NULL, NULL)`,
    [JSON.stringify([[type, version, { amount: 1 }]])],
  );
}

type NewerEvent = AccountEvent | DomainEvent<'closed', { readonly amount: number }>;

/** The balance of a newer release: it knows a type and a version more. */
function newerBalance(options: { readonly inline?: boolean; readonly before?: () => void } = {}) {
  const schema = s.object({ amount: s.integer() });
  const newer = defineCategory<NewerEvent>('account', {
    deposited: defineEvent({ type: 'deposited', version: 2, schema, upcasters: [(old: object) => old] }),
    withdrawn: defineEvent({ type: 'withdrawn', schema }),
    closed: defineEvent({ type: 'closed', schema }),
  });
  const older = defineBalance(options);
  return defineProjection<NewerEvent>({
    name: 'balance',
    version: 1,
    inline: older.inline,
    categories: [newer],
    tables: ['balance'],
    handle: async (tx, event, target) => {
      options.before?.();
      if (event.type !== 'closed') await older.handle(tx, event, target);
    },
  });
}

describe('a rolling deployment', () => {
  const statusOf = async (rig: Rig) => (await listProjections(rig.db))[0];
  const halts = (rig: Rig) =>
    eventually('it halts', async () => {
      const status = await statusOf(rig);
      return status?.isHalted && status;
    });
  const waits = (rig: Rig) =>
    eventually('it waits', async () => {
      const status = await findUnfinished(rig);
      return status?.isWaiting && status;
    });
  const findUnfinished = async (rig: Rig) => (await listProjections(rig.db)).at(-1);
  const saysItWaits = ({ msg }: Record<string, unknown>) => /waits for a runner/.test(String(msg));

  for (const [what, type, version] of [
    ['type', 'closed', 1],
    ['version', 'deposited', 2],
  ] as const)
    it(`leaves an event of a new ${what} to a runner that knows it`, async (t) => {
      const rig = await open(t, { balance: 'asynchronous' });
      const { logger, lines } = recordingLogger();
      const metrics = createMetrics();
      const old = () => rig.runner([defineBalance()], { logger, metrics, observeIntervalMs: 20 });
      old();
      old();
      await rig.append('a', deposited(1));
      await appendOf(rig, type, version);
      await rig.append('a', deposited(2));
      const waiting = await waits(rig);
      assert.equal(waiting.isHalted, false);
      assert.equal(waiting.attempts, 0);
      assert.equal(waiting.failedEvent, `${type}, version 2 of account-a`);
      assert.match(waiting.error ?? '', /^EVENT_STORE_UNKNOWN_EVENT: /);
      assert.deepEqual(await rig.balances(), [row('a', 1, 1)]);
      await eventually('the metric', () =>
        metrics.render().includes('event_store_projection_waiting{projection="balance",state="active"} 1'),
      );
      rig.runner([newerBalance()]);
      await settles(rig, type === 'closed' ? row('a', 2, 3) : row('a', 3, 4));
      const status = await statusOf(rig);
      assert.deepEqual([status?.isWaiting, status?.error], [false, null]);
      assert.equal(lines.filter(saysItWaits).length, 1);
    });

  it('goes on while every event is of a new version and old runners outnumber the new one', async (t) => {
    const rig = await open(t, { balance: 'asynchronous' });
    for (let n = 0; n < 3; n += 1) rig.runner([defineBalance()]);
    rig.runner([newerBalance()]);
    for (let n = 1; n <= 20; n += 1) {
      await appendOf(rig, 'deposited', 2);
      await settles(rig, row('a', n, n));
    }
    assert.equal((await statusOf(rig))?.isHalted, false);
  });

  it('counts what a runner that knows the event fails at, and nothing else', async (t) => {
    const rig = await open(t, { balance: 'asynchronous' });
    rig.runner([defineBalance()]);
    await appendOf(rig, 'closed', 1);
    await waits(rig);
    const before = () => assert.fail('broken');
    rig.runner([newerBalance({ before })]);
    const halted = await halts(rig);
    assert.equal(halted.attempts, 3);
    assert.match(halted.error ?? '', /broken/);
  });

  it('builds a generation as far as its code goes; the rest is done by newer code', async (t) => {
    const rig = await open(t, { balance: 'asynchronous' });
    await rig.append('a', deposited(1));
    await appendOf(rig, 'deposited', 2);
    const old = rig.runner([defineBalance()]);
    await waits(rig); // before that the event may not be seen, and the generation is complete without it
    await requestProjection(rig.db, { name: 'balance', verb: 'rebuild', by: 'tester' });
    await eventually('both generations wait', async () => {
      const statuses = await listProjections(rig.db);
      return statuses.length === 2 && statuses.every(({ isWaiting }) => isWaiting);
    });
    await old.close();
    rig.runner([newerBalance()]);
    await eventually('it is shown', async () => (await findUnfinished(rig))?.state === 'active');
    await settles(rig, row('a', 2, 2));
  });

  it('lets an old process append what it knows to an inline projection, and build what newer code ends', async (t) => {
    const inline = defineBalance({ inline: true });
    const rig = await open(t, {
      balance: 'inline',
      store: createEventStore({ projections: [inline] }),
    });
    rig.runner([inline]);
    await rig.append('a', deposited(1));
    await appendOf(rig, 'closed', 1);
    await rig.append('a', deposited(2));
    assert.deepEqual(await rig.balances(), [row('a', 2, 3)]);
    await requestProjection(rig.db, { name: 'balance', verb: 'rebuild', by: 'tester' });
    const waiting = await waits(rig);
    assert.deepEqual([waiting.state, waiting.isHalted], ['building', false]);
    await rig.append('a', deposited(4));
    rig.runner([newerBalance({ inline: true })]);
    await eventually('it is shown', async () => (await findUnfinished(rig))?.state === 'active');
    assert.deepEqual(await rig.balances(), [row('a', 3, 7)]);
  });

  it('goes on without an event that waits, when an operator skips that very event', async (t) => {
    const rig = await open(t, { balance: 'asynchronous' });
    rig.runner([defineBalance()]);
    await appendOf(rig, 'closed', 1);
    await rig.append('a', deposited(2));
    const { failedPosition } = await waits(rig);
    const skip = async (atPosition: string) => {
      const id = await requestProjection(rig.db, { name: 'balance', verb: 'skip', by: 'tester', atPosition });
      return await eventually('it is answered', async () => {
        const command = await readProjectionCommand(rig.db, id);
        return command?.status !== 'pending' && command;
      });
    };
    assert.equal((await skip('4711')).status, 'refused');
    const done = await skip(failedPosition ?? '');
    assert.equal(done.status, 'done', done.outcome ?? '');
    assert.match(done.outcome ?? '', /goes on without closed, version 1 of account-a/);
    await settles(rig, row('a', 1, 2));
    assert.equal((await statusOf(rig))?.isWaiting, false);
  });

  it('halts a projection at an event that nobody knows in time, and skips nothing', async (t) => {
    for (const [type, version, unknownEventWaitMs] of [
      ['closed', 1, 0],
      ['deposited', 2, 60],
    ] as const) {
      const rig = await open(t, { balance: 'asynchronous' });
      const { logger, lines } = recordingLogger();
      rig.runner([defineBalance()], { unknownEventWaitMs, logger });
      await appendOf(rig, type, version);
      const halted = await halts(rig);
      assert.equal(halted.attempts, 1);
      assert.equal(halted.isWaiting, false);
      assert.match(halted.error ?? '', /^EVENT_STORE_UNKNOWN_EVENT: /);
      assert.ok(lines.some(({ msg }) => /has halted/.test(String(msg))));
    }
  });
});
