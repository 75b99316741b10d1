import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { defineSaga, type SagaDefinition, type SagaEngine, type SagaMigration } from '../src/index.ts';
import { type Behaviour, breaks, createRig, gate, type Journey, type Rig, takeEffect } from './rig.ts';

let rig: Rig;

before(async () => {
  rig = await createRig();
});

after(() => rig.close());

beforeEach(() => rig.behaviours.clear());

afterEach(() => rig.closeEngines());

/** Steps by name; each takes effect and behaves as told. */
function define(
  version: number,
  names: readonly string[],
  migration?: SagaMigration<Journey>,
): SagaDefinition<Journey> {
  return defineSaga<Journey>({
    type: 'versioned',
    version,
    deadlineMs: 60_000,
    steps: (step) =>
      names.map((name) =>
        step({
          name,
          retry: { initialMs: 5, maxMs: 20 },
          do: async (_data, call) => {
            await takeEffect(rig.db, `do ${name}`, call);
            const behave: Behaviour =
              rig.behaviours.get(`do ${name}`) ?? (async () => ({ ok: true, result: name }));
            return await behave(call);
          },
          undo: async (_data, call) => {
            await takeEffect(rig.db, `undo ${name}`, call);
          },
          onDone: (_tx, data) => ({ ...data, trail: [...data.trail, `${name}@${version}`] }),
        }),
      ),
    ...(migration && { migrations: [migration] }),
  });
}

const trail = async (engine: SagaEngine, id: string) => ((await rig.end(engine, id)).data as Journey).trail;
const order = { verb: 'migrate', to: 2, by: 'ann', reason: 'new flow' } as const;

describe('two versions side by side', () => {
  it('each finish by their own definition, with inserted and removed steps (case 40)', async () => {
    const one = define(1, ['a', 'old', 'z']);
    const two = define(2, ['a', 'new', 'more', 'z']);
    const older = rig.engine({ definitions: [one] });
    const newer = rig.engine({ definitions: [two] });
    const started = await Promise.all(
      Array.from(
        { length: 10 },
        async () => [await rig.start(older, one), await rig.start(newer, two)] as const,
      ),
    );
    for (const [first, second] of started) {
      assert.deepEqual(await trail(older, first), ['a@1', 'old@1', 'z@1']);
      assert.deepEqual(await trail(newer, second), ['a@2', 'new@2', 'more@2', 'z@2']);
    }
  });

  it('leave what they do not know alone, also when its engine is gone, until one comes that does', async () => {
    const one = define(1, ['a', 'old', 'z']);
    const a = gate();
    rig.behaviours.set('do a', a.behaviour);
    const older = rig.engine({ definitions: [one] });
    const id = await rig.start(older, one);
    await a.entered;
    const closed = older.close();
    a.open();
    await closed;
    rig.behaviours.clear();
    const two = define(2, ['a', 'new', 'z']);
    const newer = rig.engine({ definitions: [two] });
    await trail(newer, await rig.start(newer, two)); // whatever it may take was looked at
    const left = await newer.find(id);
    assert.deepEqual([left?.status, left?.version, left?.leasedBy], ['running', 1, undefined]);
    assert.deepEqual(await trail(rig.engine({ definitions: [one] }), id), ['a@1', 'old@1', 'z@1']);
  });
});

describe('a migration', () => {
  /** A saga of version 1 that keeps failing at `old`. */
  async function waitingAtOld(engine: SagaEngine, definition: SagaDefinition<Journey>): Promise<string> {
    rig.behaviours.set('do old', breaks);
    const id = randomUUID();
    const data = { id, trail: [] };
    await rig.db.transaction((tx) => engine.start(tx, definition, { id, data }));
    await eventually('old was tried', async () => (await rig.effects(id)).includes('do old'));
    return id;
  }

  it('maps the open step and the data, keeps command ids, and is audited', async () => {
    const one = define(1, ['a', 'old', 'z']);
    const two = define(2, ['a', 'inserted', 'renamed', 'z'], {
      from: 1,
      step: (name) => (name === 'old' ? 'renamed' : name),
      data: (data) => ({ ...(data as Journey), trail: ['moved'] }),
    });
    const both = rig.engine({ definitions: [one, two] });
    const id = await waitingAtOld(both, one);
    const commandId = (await both.find(id))?.history.find(({ step }) => step === 'old')?.commandId;
    const seen: string[] = [];
    rig.behaviours.set('do renamed', async (call) => {
      seen.push(call.commandId);
      return { ok: true, result: '' };
    });
    const answer = await eventually('no call is in flight', async () => {
      const tried = await both.operate(id, order);
      return tried.ok && tried;
    });
    assert.equal(answer.ok && answer.step, 'renamed');
    const saga = await rig.end(both, id);
    assert.deepEqual([saga.version, (saga.data as Journey).trail], [2, ['moved', 'renamed@2', 'z@2']]);
    assert.deepEqual(seen, [commandId]);
    assert.ok(!(await rig.effects(id)).includes('do inserted'), 'it stands behind that step');
    assert.equal(saga.audit[0]?.verb, 'migrate');
  });

  it('undoes exactly what was started, under the names and command ids of the start', async () => {
    const one = define(1, ['first', 'old', 'z']);
    const two = define(2, ['renamed', 'inserted', 'old', 'z'], {
      from: 1,
      step: (name) => (name === 'first' ? 'renamed' : name),
    });
    const both = rig.engine({ definitions: [one, two] });
    const id = await waitingAtOld(both, one);
    await eventually('no call is in flight', async () => (await both.operate(id, order)).ok);
    await rig.db.transaction((tx) => both.cancel(tx, id, { code: 'enough' }));
    const saga = await rig.end(both, id);
    assert.equal(saga.status, 'cancelled');
    assert.deepEqual((await rig.effects(id)).slice(-2), ['undo old', 'undo renamed']);
  });

  it('is refused when a started step has no counterpart or would come again, and changes nothing', async () => {
    const one = define(1, ['a', 'old', 'z']);
    const without = (name: string) => (old: string) => (old === name ? undefined : old);
    for (const [steps, gone, why] of [
      [['a', 'old', 'z'], 'old', /the open step old has no counterpart/],
      [['a', 'old', 'z'], 'a', /the step a, which was started, has no counterpart/],
      [['old', 'a', 'z'], '', /the step a was started and would come again/],
    ] as const) {
      const two = define(2, steps, { from: 1, step: without(gone) });
      const both = rig.engine({ definitions: [one, two] });
      const id = await waitingAtOld(both, one);
      const refused = await eventually('it is refused', async () => {
        const answer = await both.operate(id, order);
        return !answer.ok && answer.refusal.code === 'not-applicable' && answer.refusal.message;
      });
      assert.match(refused, why);
      rig.behaviours.clear();
      assert.deepEqual(await trail(both, id), ['a@1', 'old@1', 'z@1']);
      await rig.closeEngines();
    }
  });

  it('happens on claim where the old definition is no longer registered', async () => {
    const one = define(1, ['a', 'old', 'z']);
    const older = rig.engine({ definitions: [one] });
    const id = await waitingAtOld(older, one);
    await rig.closeEngines();
    rig.behaviours.clear();
    const two = define(2, ['a', 'old', 'y', 'z'], { from: 1 });
    const saga = await rig.end(rig.engine({ definitions: [two] }), id);
    assert.deepEqual((saga.data as Journey).trail, ['a@1', 'old@2', 'y@2', 'z@2']);
    assert.deepEqual([saga.version, saga.audit[0]?.by], [2, 'engine']);
  });
});
