import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { addArticle } from '@shop/legacy/testing';
import { type MovingRig, startMoving } from './testing.ts';

const signal = new AbortController().signal;

describe('orders of the monolith', () => {
  let rig: MovingRig;
  before(async () => {
    rig = await startMoving();
    await addArticle(rig.legacyDb, 'lamp', 1_000);
  });
  after(() => rig.close());

  const place = () => rig.legacy.place('alice', 'lamp');
  const show = (number: number, user = 'alice') => rig.request('GET', `/orders/legacy-${number}`, { user });
  const cancel = (number: number, user = 'alice') =>
    rig.request('POST', `/orders/legacy-${number}/cancel`, { user });
  const want = (wanted: string) =>
    rig.db.query('UPDATE legacy_move SET wanted = $1, is_done = false', [wanted]);
  const state = async () =>
    (await rig.db.query<{ is_done: boolean; report: object }>('SELECT is_done, report FROM legacy_move'))[0];

  it('stay where they are until their move is wanted', async () => {
    const number = await place();
    await rig.move(signal);
    assert.equal((await show(number)).status, 404);
    assert.equal((await rig.legacy.find(number))?.isMoved, false);
  });

  it('are told by both sides alike once they have moved, to whose they are', async () => {
    const numbers = [await place(), await place(), await place()];
    await rig.legacy.send(numbers[1] ?? 0);
    await rig.legacy.cancel(numbers[2] ?? 0, 'alice');
    await want('moving');
    await rig.move(signal);
    for (const number of numbers) {
      const { status, body } = await show(number);
      assert.equal(status, 200);
      assert.deepEqual(body, await rig.answerOfLegacy(number));
      assert.equal((await show(number, 'bob')).status, 404);
      assert.equal((await cancel(number, 'bob')).status, 404);
    }
    const report = { moved: 4, left: 0, different: [], astray: [] };
    assert.deepEqual(await state(), { is_done: false, report });
  });

  it('are cancelled where they are decided, with goods given back where they were taken', async () => {
    const number = await place();
    await rig.move(signal);
    const before = await rig.legacy.stockOf('lamp');
    const answers = await Promise.all([cancel(number), cancel(number), cancel(number)]);
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
    assert.equal((await show(number)).body.status, 'Cancelled');
    assert.deepEqual((await show(number)).body, await rig.answerOfLegacy(number));
    assert.equal(await rig.legacy.stockOf('lamp'), before + 1);
  });

  it('are moved by a cancellation that comes before the move, and one that was sent stays', async () => {
    await want('off');
    const number = await place();
    const { status, body } = await cancel(number);
    assert.deepEqual([status, body.status], [200, 'Cancelled']);
    assert.equal((await rig.legacy.find(number))?.isMoved, true);
    const sent = await place();
    await rig.legacy.send(sent);
    assert.deepEqual([(await cancel(sent)).status, (await cancel(sent)).body.code], [409, 'too-late']);
    const others = await place();
    assert.equal((await cancel(others, 'bob')).status, 404);
    assert.equal((await rig.legacy.find(others))?.isMoved, false, 'who it is not of moves nothing');
  });

  it('decide once when both sides are asked to cancel while they move', async () => {
    await want('moving');
    for (let n = 0; n < 20; n += 1) {
      const number = await place();
      const stock = await rig.legacy.stockOf('lamp');
      const [there, here] = await Promise.all([
        rig.legacy.cancel(number, 'alice'),
        cancel(number),
        rig.move(signal),
      ]);
      assert.ok(['cancelled', 'order-moved'].includes(there), there);
      assert.deepEqual([here.status, here.body.status], [200, 'Cancelled']);
      await rig.move(signal);
      assert.equal(await rig.legacy.stockOf('lamp'), stock + 1, 'given back once');
      assert.deepEqual((await show(number)).body, await rig.answerOfLegacy(number));
    }
  });

  it('with the monolith away a cancellation is accepted, and done when it is back', async () => {
    const number = await place();
    await rig.move(signal);
    rig.takeAway(true);
    const { status, body } = await cancel(number);
    assert.deepEqual([status, body.status], [202, 'PaymentProcessed']);
    rig.takeAway(false);
    await rig.move(signal);
    assert.equal((await show(number)).body.status, 'Cancelled');
    assert.deepEqual((await show(number)).body, await rig.answerOfLegacy(number));
  });

  it('a difference is found and named, and the move is not done with it', async () => {
    const number = await place();
    await rig.move(signal);
    const set = (minor: number) =>
      rig.db.query(
        "UPDATE moved_order SET content = jsonb_set(content, '{total,amountMinor}', to_jsonb($2::integer)) WHERE number = $1",
        [number, minor],
      );
    await set(1);
    await want('closed');
    await rig.move(signal);
    const broken = await state();
    assert.deepEqual([broken?.is_done, broken?.report], [false, { ...broken?.report, different: [number] }]);
    await set(1_999);
    await rig.move(signal);
    assert.equal((await state())?.is_done, true);
    await assert.rejects(place(), /intake-closed/);
  });
});

/** Where a process that moves orders may die, and where one that cancels. */
const POINTS = [
  ['move.before-stage', 'move'],
  ['move.after-stage', 'move'],
  ['move.before-activate', 'move'],
  ['move.after-activate', 'move'],
  ['moved-cancel.after-decided', 'cancel'],
  ['moved-cancel.before-shown', 'cancel'],
  ['moved-cancel.after-shown', 'cancel'],
] as const;

describe('a process that is killed while it moves orders', { concurrency: 2 }, () => {
  for (const [point, work] of POINTS)
    it(`at ${point} leaves what the next one ends`, async (t) => {
      const rig = await startMoving();
      t.after(() => rig.close());
      await addArticle(rig.legacyDb, 'lamp', 10);
      const numbers = [await rig.legacy.place('alice', 'lamp'), await rig.legacy.place('alice', 'lamp')];
      await rig.db.query("UPDATE legacy_move SET wanted = 'moving'");
      if (work === 'cancel') await rig.move(signal);
      const child = spawn(
        process.execPath,
        ['--input-type=module', '--eval', PROGRAM, rig.uri, rig.legacyUri, work, String(numbers[0])],
        { env: { ...process.env, FLOTILLA_CRASH_POINT: point }, stdio: ['ignore', 'inherit', 'inherit'] },
      );
      assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL']);
      // A customer who insists, and the next round of whoever is there.
      const expected = work === 'cancel' ? 'Cancelled' : 'PaymentProcessed';
      await rig.move(signal);
      for (const number of numbers) {
        const { body } = await rig.request('GET', `/orders/legacy-${number}`, { user: 'alice' });
        assert.deepEqual(body, await rig.answerOfLegacy(number));
        assert.equal(body.status, number === numbers[0] ? expected : 'PaymentProcessed');
      }
      const left = await rig.db.query("SELECT FROM moved_order WHERE stage <> 'live'");
      assert.equal(left.length, 0);
      assert.equal(await rig.legacy.stockOf('lamp'), work === 'cancel' ? 9 : 8);
    });
});

const PROGRAM = `
  import { moveInProcess } from ${JSON.stringify(new URL('./testing.ts', import.meta.url).href)};
  const [orderUri, legacyUri, work, number] = process.argv.slice(1);
  await moveInProcess(orderUri, legacyUri, work === 'cancel' ? Number(number) : undefined);
`;
