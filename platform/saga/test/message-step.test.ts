import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { command, createSagaEngine, defineSaga, type SagaEngine } from '../src/index.ts';
import {
  ask,
  askWork,
  createMessageRig,
  declines,
  type Errand,
  keepsSilent,
  type MessageRig,
  workDone,
  workRefused,
} from './message-rig.ts';

const errand = defineSaga<Errand>({
  type: 'errand',
  version: 1,
  deadlineMs: 60_000,
  steps: (_step, { send }) => [
    send(ask('a')),
    send(ask('b')),
    send(ask('c', { pivot: true })),
    send(ask('d', { retriable: true })),
  ],
});

let rig: MessageRig;
let engine: SagaEngine;

before(async () => {
  rig = await createMessageRig();
  engine = await rig.engine([errand]);
});

after(() => rig.close());

beforeEach(() => rig.participants.clear());

const commandsOf = async (id: string, step: string) => {
  const rows = await rig.db.query<{ command_id: string; status: string }>(
    "SELECT command_id, status FROM saga_step WHERE saga_id = $1 AND step = $2 AND kind = 'do' ORDER BY epoch",
    [id, step],
  );
  return rows.map(({ command_id, status }) => ({ id: command_id, status }));
};

/** A reply by hand, as a participant publishes it. */
const answer = (id: string, causationId: string, type = workDone) =>
  rig.db.transaction((tx) =>
    rig.outbox.publish(tx, type, { step: 'b', sagaId: id, what: 'late' }, { causationId }),
  );

describe('a saga of message steps', () => {
  it('sends each command with the step that opens it and goes on with the reply', async () => {
    const id = await rig.start(engine, errand);
    const saga = await rig.end(engine, id);
    assert.equal(saga.status, 'completed');
    assert.deepEqual(saga.data, { id, trail: ['a', 'b', 'c', 'd'] });
    assert.deepEqual(rig.arrived(id), ['do a', 'do b', 'do c', 'do d']);
    assert.deepEqual(
      saga.history.map(({ step, via, status, attempts }) => [step, via, status, attempts]),
      ['a', 'b', 'c', 'd'].map((step) => [step, 'message', 'done', 1]),
    );
    assert.deepEqual(saga.history[0]?.request, {
      type: askWork.type,
      data: { step: 'a', sagaId: id, what: 'a' },
    });
    assert.equal(saga.history[0]?.reply, 'a');
  });

  it('compensates by message, in reverse, and names what is undone', async () => {
    rig.participants.set('do c', declines('sold-out'));
    const id = await rig.start(engine, errand);
    const saga = await rig.end(engine, id);
    assert.deepEqual([saga.status, saga.reason?.code], ['compensated', 'sold-out']);
    assert.deepEqual(rig.arrived(id), ['do a', 'do b', 'do c', 'undo b', 'undo a']);
    const [b] = await commandsOf(id, 'b');
    const undo = saga.history.find(({ step, direction }) => step === 'b' && direction === 'undo');
    assert.partialDeepStrictEqual(undo?.request, { data: { what: b?.id } });
  });

  it('holds no lease while it waits for a reply', async () => {
    rig.participants.set('do c', keepsSilent);
    const id = await rig.start(engine, errand);
    const waiting = await eventually(
      'c was asked',
      async () => rig.arrived(id).includes('do c') && engine.find(id),
    );
    assert.deepEqual([waiting?.step, waiting?.leasedBy], ['c', undefined]);
    const [c] = await commandsOf(id, 'c');
    await answer(id, c?.id ?? '');
    assert.equal((await rig.end(engine, id)).status, 'completed');
  });

  it('sends the same command again when no reply comes, and keeps each attempt', async () => {
    const impatient = defineSaga<Errand>({
      type: 'impatient',
      version: 1,
      deadlineMs: 60_000,
      steps: (_step, { send }) => [send(ask('a')), send(ask('b', { timeoutMs: 100 }))],
    });
    const quick = await rig.engine([impatient]);
    rig.participants.set('do b', keepsSilent);
    const id = await rig.start(quick, impatient);
    const sent = await eventually('it was sent three times', async () => {
      const rows = await rig.db.query('SELECT 1 FROM saga_attempt WHERE saga_id = $1', [id]);
      return rows.length >= 2 && (await quick.find(id));
    });
    assert.deepEqual(sent?.attempts[0]?.error.code, 'SAGA_STEP_TIMEOUT');
    assert.equal((await commandsOf(id, 'b')).length, 1);
    assert.deepEqual(rig.arrived(id), ['do a', 'do b'], 'the participant recognised the copies');
    const [b] = await commandsOf(id, 'b');
    await answer(id, b?.id ?? '');
    assert.equal((await rig.end(quick, id)).status, 'completed');
  });

  it('records a reply to a closed step and ignores it', async () => {
    const id = await rig.start(engine, errand);
    await rig.end(engine, id);
    const [b] = await commandsOf(id, 'b');
    await answer(id, b?.id ?? '', workRefused);
    const saga = await eventually('it is recorded', async () => {
      const found = await engine.find(id);
      return found?.messages.length === 1 && found;
    });
    assert.equal(saga.status, 'completed');
    assert.deepEqual(saga.messages[0]?.state, 'ignored');
  });

  it('does not take the late reply to an earlier step for one to the open step', async () => {
    rig.participants.set('do c', keepsSilent);
    const id = await rig.start(engine, errand);
    await eventually('c is asked for', async () => rig.arrived(id).includes('do c'));
    for (const step of ['a', 'b'])
      for (const type of [workDone, workRefused]) {
        const [closed] = await commandsOf(id, step);
        await answer(id, closed?.id ?? '', type);
      }
    const waiting = await eventually('they are recorded', async () => {
      const found = await engine.find(id);
      return found?.messages.length === 4 && found;
    });
    assert.deepEqual([waiting.status, waiting.step], ['running', 'c']);
    assert.deepEqual(new Set(waiting.messages.map(({ state }) => state)), new Set(['ignored']));
    const [open] = await commandsOf(id, 'c');
    await answer(id, open?.id ?? '');
    const saga = await rig.end(engine, id);
    assert.equal(saga.status, 'completed');
    assert.deepEqual((saga.data as Errand).trail, ['a', 'b', 'late', 'd']);
  });

  it('asks again under a new command id what was refused after the pivot', async () => {
    const eager = defineSaga<Errand>({
      type: 'eager',
      version: 1,
      deadlineMs: 60_000,
      steps: (_step, { send }) => [send(ask('c', { pivot: true })), send(ask('d', { retriable: true }))],
    });
    const persistent = await rig.engine([eager], { stuckRetryMs: 20 });
    let refusals = 2;
    rig.participants.set('do d', async (message, tx, outbox) => {
      refusals -= 1;
      if (refusals >= 0) await declines('not-yet')(message, tx, outbox);
      else await outbox.publish(tx, workDone, message.data);
    });
    const id = await rig.start(persistent, eager);
    assert.equal((await rig.end(persistent, id)).status, 'completed');
    const commands = await commandsOf(id, 'd');
    assert.deepEqual(
      commands.map(({ status }) => status),
      ['rejected', 'rejected', 'done'],
    );
    assert.equal(new Set(commands.map((one) => one.id)).size, 3);
  });

  it('compensates a step whose reply never came when the deadline passes', async () => {
    const brief = defineSaga<Errand>({
      type: 'brief',
      version: 1,
      deadlineMs: 60_000,
      steps: (_step, { send }) => [send(ask('a')), send(ask('b'))],
    });
    const short = await rig.engine([brief]);
    rig.participants.set('do b', keepsSilent);
    const id = await rig.start(short, brief);
    await eventually('b is asked for', () => rig.arrived(id).includes('do b'));
    await rig.db.query('UPDATE saga_instance SET deadline_at = now() WHERE id = $1', [id]);
    const saga = await rig.end(short, id);
    assert.deepEqual([saga.status, saga.reason?.kind], ['compensated', 'deadline']);
    assert.deepEqual(rig.arrived(id), ['do a', 'do b', 'undo b', 'undo a']);
  });

  it('starts nothing and sends nothing when its transaction rolls back', async () => {
    const id = randomUUID();
    const rollback = new Error('rolled back');
    const started = rig.db.transaction(async (tx) => {
      await engine.start(tx, errand, { id, data: { id, trail: [] } });
      throw rollback;
    });
    await assert.rejects(started, rollback);
    const rows = await rig.db.query("SELECT 1 FROM outbox WHERE envelope LIKE '%' || $1 || '%'", [id]);
    assert.equal(rows.length, 0);
  });

  it('needs an outbox, and says so when the engine is made', () => {
    const { db } = rig;
    const make = () =>
      createSagaEngine({
        db,
        definitions: [errand],
        instanceId: 'x',
        logger: {} as never,
        metrics: {} as never,
      });
    assert.throws(make, /saga errand: the step a sends a command, which needs an outbox/);
  });

  it('fences an engine that would send again what was answered meanwhile', async () => {
    rig.participants.set('do c', keepsSilent);
    const id = await rig.start(engine, errand);
    await eventually('c was asked', () => rig.arrived(id).includes('do c'));
    // As if an engine held it right now, about to send the command again.
    await rig.db.query(
      `UPDATE saga_instance SET lease_owner = $2, lease_until = now() + interval '1 s', lease_epoch = lease_epoch + 1
       WHERE id = $1`,
      [id, `zombie#${randomUUID()}`],
    );
    const [c] = await commandsOf(id, 'c');
    await answer(id, c?.id ?? '');
    const saga = await rig.end(engine, id);
    assert.equal(saga.status, 'completed');
    assert.deepEqual(rig.arrived(id), ['do a', 'do b', 'do c', 'do d']);
  });
});

describe('a reply to a command that no saga has sent', () => {
  it('is parked, shown, and delivered when the saga is there', async () => {
    rig.participants.set('do a', keepsSilent);
    const id = await rig.start(engine, errand);
    const [a] = await commandsOf(id, 'a');
    assert.ok(a);
    // As after a failover to a standby that had not seen the saga yet.
    await rig.db.query('UPDATE saga_step SET command_id = gen_random_uuid() WHERE saga_id = $1', [id]);
    await answer(id, a.id);
    await eventually('it is parked', async () =>
      (await engine.parked()).some(({ commandId }) => commandId === a.id),
    );
    await rig.db.query('UPDATE saga_step SET command_id = $2 WHERE saga_id = $1', [id, a.id]);
    const saga = await rig.end(engine, id);
    assert.equal(saga.status, 'completed');
    assert.deepEqual([saga.messages[0]?.state, saga.messages[0]?.note], ['applied', 'closed its step']);
  });
});

describe('a command', () => {
  it('carries its type and its data', () => {
    const { type, data } = command(askWork, { step: 'a', sagaId: 's', what: 'w' });
    assert.deepEqual([type, data], ['test.ask.v1', { step: 'a', sagaId: 's', what: 'w' }]);
  });
});
