import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import type { SagaEngine } from '../src/index.ts';
import { breaks, createRig, gate, type Rig, refuses } from './rig.ts';

let rig: Rig;
let engine: SagaEngine;

before(async () => {
  rig = await createRig();
  engine = rig.engine({ stuckAfterAttempts: 1_000 });
});

after(() => rig.close());

beforeEach(() => rig.behaviours.clear());

const cancel = (id: string) => rig.db.transaction((tx) => engine.cancel(tx, id, { code: 'changed-mind' }));

describe('cancelling a saga', () => {
  it('waits for the call in flight, then undoes it and everything before', async () => {
    const b = gate();
    rig.behaviours.set('do b', b.behaviour);
    const id = await rig.start(engine);
    await b.entered;
    assert.equal(await cancel(id), 'requested');
    assert.equal(await cancel(id), 'requested');
    assert.equal((await engine.find(id))?.status, 'running');
    b.open();
    const saga = await rig.end(engine, id);
    assert.equal(saga.status, 'cancelled');
    assert.deepEqual(saga.reason, { kind: 'cancelled', code: 'changed-mind' });
    assert.deepEqual(await rig.effects(id), ['do a', 'do b', 'undo b', 'undo a']);
    assert.deepEqual(await rig.rows(id), [
      'done a',
      'done b',
      'undone b',
      'undone a',
      'compensated changed-mind',
    ]);
  });

  it('does not wait for the next attempt of a step that keeps failing', async () => {
    rig.behaviours.set('do b', breaks);
    const id = await rig.start(engine);
    await eventually('b was tried', async () => ((await engine.find(id))?.attempt ?? 0) > 1);
    assert.equal(await cancel(id), 'requested');
    assert.equal((await rig.end(engine, id)).status, 'cancelled');
    assert.deepEqual((await rig.effects(id)).slice(-2), ['undo b', 'undo a']);
  });

  it('is too late once the pivot was started, whatever becomes of it', async () => {
    const c = gate();
    rig.behaviours.set('do c', c.behaviour);
    const id = await rig.start(engine);
    await c.entered;
    assert.equal(await cancel(id), 'too-late');
    c.open();
    assert.equal((await rig.end(engine, id)).status, 'completed');
    assert.equal(await cancel(id), 'ended');
  });

  it('is granted to a saga that compensates already, which keeps its own reason', async () => {
    const undo = gate();
    rig.behaviours.set('do c', refuses('sold-out'));
    rig.behaviours.set('undo a', undo.behaviour);
    const id = await rig.start(engine);
    await undo.entered;
    assert.equal(await cancel(id), 'requested');
    undo.open();
    const saga = await rig.end(engine, id);
    assert.deepEqual([saga.status, saga.reason?.code], ['compensated', 'sold-out']);
  });

  it('asks for nothing when its transaction rolls back', async () => {
    const b = gate();
    rig.behaviours.set('do b', b.behaviour);
    const id = await rig.start(engine);
    await b.entered;
    const rollback = new Error('rolled back');
    const asked = rig.db.transaction(async (tx) => {
      await engine.cancel(tx, id, { code: 'changed-mind' });
      throw rollback;
    });
    await assert.rejects(asked, rollback);
    b.open();
    assert.equal((await rig.end(engine, id)).status, 'completed');
  });

  it('refuses an unknown saga', async () => {
    await assert.rejects(cancel(randomUUID()), { code: 'SAGA_NOT_FOUND' });
  });

  it('races the pivot with exactly one winner', async () => {
    const ids = await Promise.all(Array.from({ length: 60 }, () => rig.start(engine)));
    const answers = await Promise.all(
      ids.map(async (id, index) => {
        await eventually('it has come some way', async () => (await rig.effects(id)).length > index % 3);
        return await cancel(id);
      }),
    );
    const ended = await Promise.all(ids.map((id) => rig.end(engine, id)));
    for (const [index, { status, id }] of ended.entries()) {
      const shipped = (await rig.effects(id)).includes('do c');
      const granted = answers[index] === 'requested';
      assert.deepEqual([status, shipped], granted ? ['cancelled', false] : ['completed', true]);
    }
  });
});
