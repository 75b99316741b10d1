import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import type { SagaEngine, SagaOrder, SagaVerb } from '../src/index.ts';
import { findAnswer, insertOperation } from '../src/store/operations.ts';
import { breaks, createRig, gate, type Rig, refuses } from './rig.ts';

let rig: Rig;
let engine: SagaEngine;

before(async () => {
  rig = await createRig();
});

after(() => rig.close());

beforeEach(() => {
  rig.behaviours.clear();
  engine = rig.engine({ stuckAfterAttempts: 1 });
});

afterEach(() => rig.closeEngines());

const order = (verb: SagaVerb, expectedChanges?: number): SagaOrder => ({
  ...verb,
  by: 'ann',
  reason: 'ticket 7',
  ...(expectedChanges !== undefined && { expectedChanges }),
});

async function stuckAt(step: string): Promise<string> {
  const id = await rig.start(engine);
  await eventually(`it is stuck at ${step}`, async () => {
    const saga = await engine.find(id);
    return saga?.status === 'stuck' && saga.step === step && saga.leasedBy === undefined;
  });
  return id;
}

describe('an operator', () => {
  it('skips a step with a result, which its hook sees', async () => {
    rig.behaviours.set('do c', breaks);
    const id = await stuckAt('c');
    const answer = await engine.operate(id, order({ verb: 'skip', result: 'by-hand' }));
    assert.equal(answer.ok, true);
    const saga = await rig.end(engine, id);
    assert.equal(saga.status, 'completed');
    assert.deepEqual((saga.data as { trail: string[] }).trail, ['a:36', 'b:36', 'c:7', 'd:36']);
    assert.deepEqual(await rig.rows(id), [
      'done a',
      'done b',
      'stuck Error',
      'done c',
      'done d',
      'completed',
    ]);
    const [audit] = saga.audit;
    assert.deepEqual([audit?.verb, audit?.by, audit?.reason], ['skip', 'ann', 'ticket 7']);
    assert.partialDeepStrictEqual(audit, { before: { step: 'c' }, after: { step: 'd' } });
  });

  it('skips an undo that cannot succeed', async () => {
    rig.behaviours.set('do c', refuses('no'));
    rig.behaviours.set('undo b', breaks);
    const id = await stuckAt('b');
    await engine.operate(id, order({ verb: 'skip' }));
    assert.equal((await rig.end(engine, id)).status, 'compensated');
    assert.deepEqual((await rig.rows(id)).slice(-3), ['undone b', 'undone a', 'compensated no']);
  });

  it('turns a saga around after its pivot', async () => {
    rig.behaviours.set('do d', breaks);
    const id = await stuckAt('d');
    await engine.operate(id, order({ verb: 'compensate' }));
    const saga = await rig.end(engine, id);
    assert.deepEqual([saga.status, saga.reason?.kind], ['compensated', 'operator']);
    assert.deepEqual((await rig.rows(id)).slice(-3), [
      'undone b',
      'undone a',
      'compensated forced-by-operator',
    ]);
    assert.equal(
      saga.history.find(({ step, direction }) => step === 'd' && direction === 'do')?.status,
      'unknown',
    );
  });

  it('completes a saga, whose hook runs', async () => {
    rig.behaviours.set('do d', breaks);
    const id = await stuckAt('d');
    const answer = await engine.operate(id, order({ verb: 'complete' }));
    assert.deepEqual(answer.ok && answer.status, 'completed');
    assert.equal((await rig.rows(id)).at(-1), 'completed');
    assert.deepEqual(await engine.operate(id, order({ verb: 'retry' })), {
      ok: false,
      refusal: { code: 'ended', message: 'it has ended completed' },
    });
  });

  it('edits the data that the next attempt sees, and only as they were seen', async () => {
    rig.behaviours.set('do c', breaks);
    const id = await stuckAt('c');
    const seen = (await engine.find(id))?.changes ?? 0;
    const data = { id, trail: ['edited'] };
    const late = await engine.operate(id, order({ verb: 'edit', data }, seen - 1));
    assert.equal(!late.ok && late.refusal.code, 'changed');
    assert.equal((await engine.operate(id, order({ verb: 'edit', data }, seen))).ok, true);
    rig.behaviours.clear();
    await engine.operate(id, order({ verb: 'retry' }));
    const saga = await rig.end(engine, id);
    assert.deepEqual((saga.data as { trail: string[] }).trail, ['edited', 'c:36', 'd:36']);
    assert.deepEqual(
      saga.audit.map(({ verb }) => verb),
      ['edit', 'retry'],
    );
  });

  it('cancels, and is told when that is too late', async () => {
    rig.behaviours.set('do b', breaks);
    const id = await rig.start(engine);
    await eventually('b was tried', async () => (await engine.find(id))?.step === 'b');
    assert.equal((await engine.operate(id, order({ verb: 'cancel', code: 'fraud' }))).ok, true);
    assert.equal((await rig.end(engine, id)).reason?.code, 'fraud');
    rig.behaviours.clear();
    rig.behaviours.set('do c', breaks);
    const late = await stuckAt('c');
    const answer = await engine.operate(late, order({ verb: 'cancel', code: 'fraud' }));
    assert.equal(!answer.ok && answer.refusal.code, 'too-late');
    assert.deepEqual((await engine.find(late))?.audit, []);
  });

  it('waits for a call in flight, and is told so', async () => {
    const c = gate();
    rig.behaviours.set('do c', c.behaviour);
    const id = await rig.start(engine);
    await c.entered;
    const answer = await engine.operate(id, order({ verb: 'skip' }));
    assert.equal(!answer.ok && answer.refusal.code, 'in-progress');
    c.open();
    await rig.end(engine, id);
  });

  it('changes nothing when a hook fails', async () => {
    rig.behaviours.set('do c', breaks);
    const id = await stuckAt('c');
    // onDone reads the length of the result.
    await assert.rejects(engine.operate(id, order({ verb: 'skip' })), TypeError);
    const saga = await engine.find(id);
    assert.deepEqual([saga?.status, saga?.step, saga?.audit.length], ['stuck', 'c', 0]);
  });

  it('is told that there is no such saga', async () => {
    const answer = await engine.operate(randomUUID(), order({ verb: 'retry' }));
    assert.equal(!answer.ok && answer.refusal.code, 'not-found');
  });
});

describe('an operation that was written into the database', () => {
  const request = async (sagaId: string, verb: SagaVerb) => {
    const id = randomUUID();
    await insertOperation(rig.db, { id, sagaId, order: order(verb) });
    return await eventually('it is carried out', () => findAnswer(rig.db, id));
  };

  it('is carried out by the engine of the service, and answered', async () => {
    rig.behaviours.set('do c', breaks);
    const id = await stuckAt('c');
    const answer = await request(id, { verb: 'skip', result: 'by-hand' });
    assert.equal(answer.ok, true);
    assert.equal((await rig.end(engine, id)).audit.length, 1);
    const again = await request(id, { verb: 'retry' });
    assert.equal(!again.ok && again.refusal.code, 'ended');
  });

  it('is answered with the failure of a hook, and has changed nothing', async () => {
    rig.behaviours.set('do c', breaks);
    const id = await stuckAt('c');
    const answer = await request(id, { verb: 'skip' });
    assert.equal(!answer.ok && answer.refusal.code, 'failed');
    assert.equal((await engine.find(id))?.step, 'c');
  });
});
