import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { defineSaga, type SagaEngine, type SagaStep } from '../src/index.ts';
import {
  ask,
  createMessageRig,
  declines,
  type Errand,
  keepsSilent,
  type MessageRig,
  workDone,
} from './message-rig.ts';

type Call = NonNullable<SagaStep<Errand>['do']>;

let rig: MessageRig;
let engine: SagaEngine;
let calls: string[] = [];
const behaviours = new Map<string, Call>();

function call(name: string): SagaStep<Errand> {
  return {
    name,
    retry: { initialMs: 5, maxMs: 20 },
    do: (data, made) => {
      calls.push(`do ${name}`);
      return behaviours.get(`do ${name}`)?.(data, made) ?? Promise.resolve({ ok: true, result: name });
    },
    undo: async (data, made) => {
      calls.push(`undo ${name}`);
      await behaviours.get(`undo ${name}`)?.(data, made);
    },
    onDone: (_tx, data) => ({ ...data, trail: [...data.trail, name] }),
  };
}

const trip = defineSaga<Errand>({
  type: 'trip',
  version: 1,
  deadlineMs: 60_000,
  steps: (step, { send, parallel }) => [
    step(call('plan')),
    parallel('book', [step(call('hotel')), send(ask('flight')), send(ask('train')), step(call('car'))]),
    step(call('tell')),
  ],
});

before(async () => {
  rig = await createMessageRig();
  engine = await rig.engine([trip]);
});

after(() => rig.close());

beforeEach(() => {
  rig.participants.clear();
  behaviours.clear();
  calls = [];
});

const statuses = async (id: string) => {
  const saga = await engine.find(id);
  const book = saga?.history.filter(({ step }) => step === 'book') ?? [];
  return Object.fromEntries(book.map((one) => [`${one.direction} ${one.branch}`, one.status]));
};

describe('a parallel group', () => {
  it('runs its branches at the same time and joins once', async () => {
    let inside = 0;
    const both = Promise.withResolvers<void>();
    const meet: Call = async () => {
      inside += 1;
      if (inside === 2) both.resolve();
      await both.promise; // neither would end if one waited for the other
      return { ok: true, result: undefined };
    };
    behaviours.set('do hotel', meet).set('do car', meet);
    const id = await rig.start(engine, trip);
    const saga = await rig.end(engine, id);
    assert.equal(saga.status, 'completed');
    const { trail } = saga.data as Errand;
    assert.deepEqual([trail[0], trail.at(-1)], ['plan', 'tell']);
    assert.deepEqual([...trail.slice(1, -1)].sort(), ['car', 'flight', 'hotel', 'train']);
    assert.equal(calls.filter((name) => name === 'do tell').length, 1);
  });

  it('applies two replies that come at once, and joins once (case 37)', async () => {
    rig.participants.set('do flight', keepsSilent).set('do train', keepsSilent);
    const id = await rig.start(engine, trip);
    const open = await eventually('only the replies are missing', async () => {
      const saga = await engine.find(id);
      const waiting = saga?.history.filter(({ branch, status }) => branch !== undefined && status === 'open');
      return waiting?.length === 2 && waiting;
    });
    const reply = (step: string, causationId: string) =>
      rig.db.transaction((tx) =>
        rig.outbox.publish(
          tx,
          { ...workDone, key: () => step },
          { step, sagaId: id, what: step },
          { causationId },
        ),
      );
    await Promise.all(open.map(({ branch = '', commandId }) => reply(branch, commandId)));
    const saga = await rig.end(engine, id);
    assert.deepEqual((saga.data as Errand).trail.slice(-3).sort(), ['flight', 'tell', 'train']);
    assert.equal(calls.filter((name) => name === 'do tell').length, 1);
  });

  it('waits for what is in flight when one is refused, then undoes the started ones together (case 38)', async () => {
    const hotel = Promise.withResolvers<void>();
    behaviours.set('do hotel', async () => {
      await hotel.promise;
      return { ok: true, result: undefined };
    });
    rig.participants.set('do flight', declines('full'));
    const id = await rig.start(engine, trip);
    await eventually('the refusal is recorded', async () => (await statuses(id))['do flight'] === 'rejected');
    assert.equal((await engine.find(id))?.direction, 'do');
    let inside = 0;
    const both = Promise.withResolvers<void>();
    const meet: Call = async () => {
      inside += 1;
      if (inside === 2) both.resolve();
      await both.promise;
      return { ok: true, result: undefined };
    };
    behaviours.set('undo hotel', meet).set('undo car', meet);
    hotel.resolve();
    const saga = await rig.end(engine, id);
    assert.deepEqual([saga.status, saga.reason?.code], ['compensated', 'full']);
    assert.deepEqual(await statuses(id), {
      'do hotel': 'done',
      'do flight': 'rejected',
      'do train': 'done',
      'do car': 'done',
      'undo hotel': 'done',
      'undo train': 'done',
      'undo car': 'done',
    });
    assert.equal(calls.at(-1), 'undo plan', 'earlier steps come after the group');
    assert.ok(!calls.includes('do tell'));
  });

  it('tries a failing branch again without disturbing the others', async () => {
    let failures = 3;
    behaviours.set('do car', async () => {
      failures -= 1;
      if (failures >= 0) throw new Error('engine trouble');
      return { ok: true, result: undefined };
    });
    const id = await rig.start(engine, trip);
    const saga = await rig.end(engine, id);
    assert.equal(saga.status, 'completed');
    assert.deepEqual(
      ['do car', 'do hotel'].map((name) => calls.filter((one) => one === name).length),
      [4, 1],
    );
    assert.deepEqual(
      saga.attempts.map(({ branch, attempt }) => [branch, attempt]),
      [
        ['car', 1],
        ['car', 2],
        ['car', 3],
      ],
    );
  });

  it('is cancelled once what is in flight has ended', async () => {
    const hotel = Promise.withResolvers<void>();
    behaviours.set('do hotel', async () => {
      await hotel.promise;
      return { ok: true, result: undefined };
    });
    const id = await rig.start(engine, trip);
    await eventually('the hotel is asked', () => calls.includes('do hotel'));
    await rig.db.transaction((tx) => engine.cancel(tx, id, { code: 'ill' }));
    hotel.resolve();
    const saga = await rig.end(engine, id);
    assert.deepEqual([saga.status, saga.reason?.code], ['cancelled', 'ill']);
    assert.ok(calls.includes('undo hotel') && calls.at(-1) === 'undo plan');
  });

  it('is finished by another engine, with the same command ids', async () => {
    const stuckHere = Promise.withResolvers<never>();
    behaviours.set('do hotel', () => stuckHere.promise);
    const id = await rig.start(engine, trip);
    await eventually('the hotel is asked', () => calls.includes('do hotel'));
    const ids = async () =>
      (await engine.find(id))?.history
        .filter(({ step }) => step === 'book')
        .map(({ commandId }) => commandId);
    const atFirst = await ids();
    behaviours.clear();
    await rig.db.query("UPDATE saga_instance SET lease_until = now() - interval '1 s' WHERE id = $1", [id]);
    const saga = await rig.end(engine, id);
    assert.equal(saga.status, 'completed');
    assert.deepEqual(await ids(), atFirst);
    stuckHere.reject(new Error('the test is over'));
  });
});
