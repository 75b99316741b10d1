import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { systemClock } from '@flotilla/kernel';
import * as s from '@flotilla/kernel/schema';
import { eventually } from '@flotilla/kernel/testing';
import { defineMessage } from '@flotilla/messaging';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { createSagaEngine, defineSaga, type SagaEngine } from '../src/index.ts';
import { ask, createMessageRig, type Errand, keepsSilent, type MessageRig, workDone } from './message-rig.ts';

const amended = defineMessage({
  type: 'test.amended.v1',
  description: 'What the errand is about has changed.',
  key: ({ about }) => about,
  schema: s.object({ about: s.string(), to: s.string() }),
});

const errand = defineSaga<Errand>({
  type: 'amendable',
  version: 1,
  deadlineMs: 60_000,
  steps: (_step, { send }) => [send(ask('a')), send(ask('b'))],
  events: (onEvent) => [
    onEvent(amended, {
      key: ({ data }) => data.about,
      apply: (_tx, data, { data: event }) => ({ ...data, trail: [...data.trail, event.to] }),
    }),
  ],
});

const pausing = defineSaga<Errand>({
  type: 'pausing',
  version: 1,
  deadlineMs: 60_000,
  steps: (_step, { send, wait }) => [
    send(ask('a')),
    wait({ name: 'pause', ms: 300, onDone: (_tx, data) => ({ ...data, trail: [...data.trail, 'paused'] }) }),
    wait({ name: 'until', until: () => new Date(0) }),
    send(ask('b', { pivot: true })),
  ],
});

const patient = defineSaga<Errand>({
  type: 'patient',
  version: 1,
  deadlineMs: 60_000,
  steps: (_step, { send, wait }) => [send(ask('a')), wait({ name: 'long', ms: 3_600_000 }), send(ask('b'))],
});

const bounded = defineSaga<Errand>({
  type: 'bounded',
  version: 1,
  deadlineMs: 400,
  steps: (_step, { send, wait }) => [send(ask('a')), wait({ name: 'long', ms: 3_600_000 }), send(ask('b'))],
});

/** Waits until two times one after the other. */
const punctual = defineSaga<Errand>({
  type: 'punctual',
  version: 1,
  deadlineMs: 60_000,
  steps: (_step, { wait }) =>
    [0, 1].map((index) =>
      wait({ name: `until-${index}`, until: ({ trail }) => new Date(trail[index] ?? '') }),
    ),
});

let rig: MessageRig;
let engine: SagaEngine;

before(async () => {
  rig = await createMessageRig();
  engine = await rig.engine([errand, pausing, patient, bounded]);
});

after(() => rig.close());

beforeEach(() => rig.participants.clear());

const amend = (about: string, to: string, id = randomUUID()) =>
  rig.db.transaction((tx) => rig.outbox.publish(tx, amended, { about, to }, { id }));

const trailOf = async (id: string) => ((await engine.find(id))?.data as Errand | undefined)?.trail;

describe('an event', () => {
  it('reaches the saga that has its key, whichever of its keys that is', async () => {
    rig.participants.set('do b', keepsSilent);
    const keys = [`order ${randomUUID()}`, `payment ${randomUUID()}`] as const;
    const id = await rig.start(engine, errand, keys);
    await eventually('b is asked', () => rig.arrived(id).includes('do b'));
    await amend(keys[0], 'one');
    await amend(keys[1], 'two');
    await eventually('both are applied', async () => (await trailOf(id))?.length === 3);
    assert.deepEqual((await trailOf(id))?.slice().sort(), ['a', 'one', 'two']);
    const saga = await engine.find(id);
    assert.deepEqual(
      saga?.messages.map(({ state, type }) => [state, type]),
      [
        ['applied', amended.type],
        ['applied', amended.type],
      ],
    );
  });

  it('that comes before its saga is parked, shown, and applied once it starts (case 35)', async () => {
    rig.participants.set('do b', keepsSilent);
    const key = `order ${randomUUID()}`;
    await amend(key, 'early');
    await eventually('it is parked', async () => (await engine.parked()).some((one) => one.key === key));
    const id = await rig.start(engine, errand, [key]);
    await eventually('it is applied', async () => (await trailOf(id))?.includes('early'));
    assert.ok(!(await engine.parked()).some((one) => one.key === key));
  });

  it('is applied once, also when it is delivered again to a consumer of another name', async () => {
    rig.participants.set('do b', keepsSilent);
    const key = `order ${randomUUID()}`;
    const id = await rig.start(engine, errand, [key]);
    await eventually('b is asked', () => rig.arrived(id).includes('do b'));
    const eventId = randomUUID();
    await amend(key, 'once', eventId);
    await eventually('it is applied', async () => (await trailOf(id))?.includes('once'));
    await rig.db.query('DELETE FROM inbox WHERE message_id = $1', [eventId]);
    await amend(key, 'once', eventId);
    await amend(key, 'marker');
    await eventually('the later one is applied', async () => (await trailOf(id))?.includes('marker'));
    assert.deepEqual(await trailOf(id), ['a', 'once', 'marker']);
  });

  it('to a saga that has ended is kept and ignored', async () => {
    const key = `order ${randomUUID()}`;
    const id = await rig.start(engine, errand, [key]);
    await rig.end(engine, id);
    await amend(key, 'late');
    const saga = await eventually('it is kept', async () => {
      const found = await engine.find(id);
      return found?.messages.length === 1 && found;
    });
    assert.deepEqual([saga.messages[0]?.state, saga.messages[0]?.note], ['ignored', 'the saga has ended']);
  });

  it('does not cost a reply that comes at the same time', async () => {
    rig.participants.set('do b', keepsSilent);
    const key = `order ${randomUUID()}`;
    const id = await rig.start(engine, errand, [key]);
    await eventually('b is asked', () => rig.arrived(id).includes('do b'));
    const saga = await engine.find(id);
    const causationId = saga?.history.find(({ step }) => step === 'b')?.commandId ?? '';
    await Promise.all([
      amend(key, 'meanwhile'),
      rig.db.transaction((tx) =>
        rig.outbox.publish(tx, workDone, { step: 'b', sagaId: id, what: 'b' }, { causationId }),
      ),
    ]);
    assert.equal((await rig.end(engine, id)).status, 'completed');
  });
});

describe('a saga that waits', () => {
  it('goes on when the time is over, and not before', async () => {
    const id = await rig.start(engine, pausing);
    const saga = await rig.end(engine, id);
    assert.deepEqual((saga.data as Errand).trail, ['a', 'paused', 'b']);
    const pause = saga.history.find(({ step }) => step === 'pause');
    const tookMs = (pause?.endedAt?.getTime() ?? 0) - (pause?.startedAt.getTime() ?? 0);
    assert.ok(tookMs >= 299, `it took ${tookMs} ms`);
  });

  it('holds no lease, survives a cancellation at once, and is turned by its deadline', async () => {
    const id = await rig.start(engine, patient);
    const waiting = await eventually('it waits', async () => {
      const found = await engine.find(id);
      return found?.step === 'long' && found.leasedBy === undefined && found;
    });
    assert.ok(waiting.nextAttemptAt.getTime() - Date.now() > 30_000);
    await rig.db.transaction((tx) => engine.cancel(tx, id, { code: 'bored' }));
    assert.equal((await rig.end(engine, id)).status, 'cancelled');
    const late = await rig.end(engine, await rig.start(engine, bounded));
    assert.deepEqual([late.status, late.reason?.code], ['compensated', 'SAGA_DEADLINE']);
  });

  it('until a time ends by the clock of the database, whatever that of the process shows', async () => {
    for (const aheadMs of [3_600_000, -3_600_000]) {
      const clock = { ...systemClock, now: () => new Date(Date.now() + aheadMs) };
      const engine = createSagaEngine({
        ...{ db: rig.db, definitions: [punctual], instanceId: `clock ${aheadMs}`, clock, pollMs: 50 },
        ...{ logger: silentLogger, metrics: createMetrics() },
      });
      engine.run();
      const [times] = await rig.db.query<{ first: Date; second: Date }>(
        `SELECT clock_timestamp() + interval '300 ms' AS first, clock_timestamp() + interval '600 ms' AS second`,
      );
      assert.ok(times);
      const data = { id: randomUUID(), trail: [times.first.toISOString(), times.second.toISOString()] };
      await rig.db.transaction((tx) => engine.start(tx, punctual, { ...data, data }));
      assert.equal((await rig.end(engine, data.id)).status, 'completed');
      const steps = await rig.db.query<{ ended_at: Date }>(
        'SELECT ended_at FROM saga_step WHERE saga_id = $1 ORDER BY step',
        [data.id],
      );
      await engine.close();
      for (const [index, time] of [times.first, times.second].entries()) {
        assert.ok((steps[index]?.ended_at ?? 0) >= time, `step ${index} waits, ${aheadMs} ms ahead`);
      }
    }
  });

  it('is sent on by an operator who skips the wait', async () => {
    const id = await rig.start(engine, patient);
    const order = { verb: 'skip', by: 'ann', reason: 'no need to wait' } as const;
    await eventually('it waits', async () => (await engine.find(id))?.step === 'long');
    const retried = await engine.operate(id, { ...order, verb: 'retry' });
    assert.equal(!retried.ok && retried.refusal.code, 'not-applicable');
    assert.equal((await engine.operate(id, order)).ok, true);
    assert.equal((await rig.end(engine, id)).status, 'completed');
  });
});
