import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { PlatformError, uuidv7 } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { currentContext, newTrace, runInContext, type TraceContext } from '@flotilla/telemetry';
import { defineSaga, type SagaCall, type SagaDetails, type SagaEngine } from '../src/index.ts';
import { openSagaDesk } from '../src/operate/operator.ts';
import { accepts, breaks, createRig, defineJourney, inTurn, type Rig, refuses } from './rig.ts';

let rig: Rig;
let engine: SagaEngine;

before(async () => {
  rig = await createRig();
  engine = rig.engine();
});

after(() => rig.close());

beforeEach(() => rig.behaviours.clear());

async function passDeadline(id: string): Promise<void> {
  await rig.db.query('UPDATE saga_instance SET deadline_at = now() WHERE id = $1', [id]);
}

describe('a saga', () => {
  it('runs its steps in order, threads its data and keeps its history', async () => {
    const id = await rig.start(engine);
    const saga = await rig.end(engine, id);
    assert.equal(saga.status, 'completed');
    assert.deepEqual(saga.data, { id, trail: ['a:36', 'b:36', 'c:36', 'd:36'] });
    assert.deepEqual(await rig.effects(id), ['do a', 'do b', 'do c', 'do d']);
    assert.deepEqual(await rig.rows(id), ['done a', 'done b', 'done c', 'done d', 'completed']);
    const history = saga.history.map(({ step, direction, status, attempts }) => ({
      step,
      direction,
      status,
      attempts,
    }));
    assert.deepEqual(
      history,
      ['a', 'b', 'c', 'd'].map((step) => ({ step, direction: 'do', status: 'done', attempts: 1 })),
    );
    assert.ok(saga.history.every(({ startedAt, endedAt }) => endedAt && endedAt >= startedAt));
  });

  const compensations = {
    a: [],
    b: ['undo a'],
    c: ['undo b', 'undo a'],
  } as const;
  for (const [step, undone] of Object.entries(compensations)) {
    it(`undoes in reverse what was done when ${step} is refused`, async () => {
      rig.behaviours.set(`do ${step}`, refuses('sold-out'));
      const id = await rig.start(engine);
      const saga = await rig.end(engine, id);
      assert.equal(saga.status, 'compensated');
      assert.deepEqual(saga.reason, {
        kind: 'rejected',
        code: 'sold-out',
        step,
        rejection: { code: 'sold-out' },
      });
      const effects = await rig.effects(id);
      assert.deepEqual(effects.slice(effects.indexOf(`do ${step}`) + 1), undone);
      assert.equal((await rig.rows(id)).at(-1), 'compensated sold-out');
      const refused = saga.history.find((record) => record.step === step);
      assert.deepEqual([refused?.status, refused?.reply], ['rejected', { code: 'sold-out' }]);
    });
  }

  it('repeats a call of unknown outcome with the same command id', async () => {
    const calls: SagaCall[] = [];
    rig.behaviours.set('do b', (call) => {
      calls.push(call);
      return calls.length < 3 ? breaks(call) : accepts(call);
    });
    const id = await rig.start(engine);
    const saga = await rig.end(engine, id);
    assert.equal(saga.status, 'completed');
    assert.deepEqual(
      calls.map(({ attempt }) => attempt),
      [1, 2, 3],
    );
    assert.equal(new Set(calls.map(({ commandId }) => commandId)).size, 1);
    const step = saga.history.find((record) => record.step === 'b');
    assert.equal(step?.commandId, calls[0]?.commandId);
    assert.deepEqual([step?.attempts, step?.lastError], [3, { code: 'Error', message: 'broken' }]);
  });

  it('stops waiting for a call after its timeout, also when the call ignores its signal', async () => {
    const aborted: unknown[] = [];
    const journey = defineJourney(rig.db, rig.behaviours, { version: 2, timeoutMs: 100 });
    const impatient = rig.engine({ definitions: [journey] });
    const hangs = (call: SagaCall) => {
      call.signal.addEventListener('abort', () => aborted.push(call.signal.reason));
      return new Promise<never>(() => undefined);
    };
    rig.behaviours.set('do b', inTurn(hangs));
    const id = await rig.start(impatient, journey);
    const saga = await rig.end(impatient, id);
    assert.equal(saga.status, 'completed');
    assert.equal(saga.history.find(({ step }) => step === 'b')?.lastError?.code, 'SAGA_STEP_TIMEOUT');
    assert.equal((aborted[0] as PlatformError).code, 'SAGA_STEP_TIMEOUT');
  });

  const unstorable = ['a\0b', `half ${'\u{1f600}'.slice(0, 1)}`];
  for (const text of unstorable) {
    const kept = text.replace('\0', '\u2400').toWellFormed();
    const told = JSON.stringify(text);

    it(`records a fault whose text and code have ${told}`, async () => {
      const fault = Object.assign(new Error(text), { name: text });
      rig.behaviours.set(
        'do b',
        inTurn(() => Promise.reject(fault)),
      );
      const saga = await rig.end(engine, await rig.start(engine));
      assert.equal(saga.status, 'completed');
      assert.equal(saga.history.find(({ step }) => step === 'b')?.lastError?.code, kept);
    });

    it(`turns around at a refusal whose code is ${told}`, async () => {
      rig.behaviours.set('do b', refuses(text));
      const saga = await rig.end(engine, await rig.start(engine));
      assert.deepEqual([saga.status, saga.reason?.code], ['compensated', kept]);
    });

    it(`goes on with a result and data that have ${told}`, async () => {
      const told = defineSaga<{ readonly note: string }>({
        type: `told-${kept.length}`,
        version: 1,
        deadlineMs: 60_000,
        steps: (step) => [
          step({
            name: 'listen',
            do: async () => ({ ok: true, result: { [text]: text } }),
            onDone: (_tx, { note }, result) => ({ note: `${note} ${Object.values(result)[0]}` }),
          }),
          step({ name: 'go-on', do: async () => ({ ok: true, result: 1 }) }),
        ],
      });
      const listener = rig.engine({ definitions: [told] });
      const keys = [`key ${text}`];
      const id = await rig.db.transaction((tx) =>
        listener.start(tx, told, { data: { note: text }, correlationKeys: keys }),
      );
      const saga = await rig.end(listener, id);
      assert.deepEqual([saga.status, saga.data], ['completed', { note: `${kept} ${kept}` }]);
      assert.deepEqual(saga.history[0]?.reply, { [kept]: kept });
      assert.deepEqual(saga.correlationKeys, [`key ${kept}`]);
    });
  }

  it('undoes also the step whose fault cannot be cured by a retry', async () => {
    const fault = new PlatformError('NOT_UNDERSTOOD', 'no such operation');
    rig.behaviours.set('do b', () => Promise.reject(fault));
    const id = await rig.start(engine);
    const saga = await rig.end(engine, id);
    assert.deepEqual(saga.reason, { kind: 'fault', code: 'NOT_UNDERSTOOD', step: 'b' });
    assert.deepEqual(await rig.effects(id), ['do a', 'do b', 'undo b', 'undo a']);
  });

  it('compensates when its deadline passes before the pivot', async () => {
    const id = await rig.start(engine);
    rig.behaviours.set('do b', async (call) => {
      if (call.sagaId === id) await passDeadline(id);
      return await breaks(call);
    });
    const saga = await rig.end(engine, id);
    assert.deepEqual([saga.status, saga.reason?.code], ['compensated', 'SAGA_DEADLINE']);
    assert.deepEqual(await rig.effects(id), ['do a', 'do b', 'undo b', 'undo a']);
  });

  it('is not stopped by its deadline once the pivot was started', async () => {
    let calls = 0;
    rig.behaviours.set('do c', async (call) => {
      calls += 1;
      if (calls > 1) return await accepts(call);
      await passDeadline(call.sagaId);
      return await breaks(call);
    });
    const saga = await rig.end(engine, await rig.start(engine));
    assert.equal(saga.status, 'completed');
    assert.equal(calls, 2);
  });

  it('tries the steps after its pivot until they succeed', async () => {
    rig.behaviours.set('do d', inTurn(breaks, breaks));
    const saga = await rig.end(engine, await rig.start(engine));
    assert.equal(saga.status, 'completed');
  });
});

describe('starting a saga', () => {
  it('starts nothing when its transaction rolls back', async () => {
    const id = randomUUID();
    const rollback = new Error('rolled back');
    await assert.rejects(
      rig.db.transaction(async (tx) => {
        await engine.start(tx, rig.journey, { id, data: { id, trail: [] } });
        throw rollback;
      }),
      rollback,
    );
    await rig.end(engine, await rig.start(engine)); // whatever was due has been looked at
    assert.equal(await engine.find(id), undefined);
    assert.deepEqual(await rig.effects(id), []);
  });

  it('refuses a second saga of the same id or key and leaves the transaction usable', async () => {
    const id = randomUUID();
    const options = { data: { id, trail: [] }, correlationKeys: [`order ${id}`, `payment ${id}`] };
    await rig.db.transaction(async (tx) => {
      await engine.start(tx, rig.journey, { ...options, id });
      for (const again of [
        { ...options, id: randomUUID() },
        { data: options.data, id },
      ]) {
        await assert.rejects(engine.start(tx, rig.journey, again), { code: 'SAGA_ALREADY_STARTED' });
      }
    });
    assert.deepEqual((await rig.end(engine, id)).correlationKeys, options.correlationKeys);
  });

  it('refuses a definition that the engine does not run', async () => {
    const foreign = defineJourney(rig.db, rig.behaviours, { version: 99 });
    await assert.rejects(rig.start(engine, foreign), TypeError);
  });

  it('continues the trace of whoever started it, with a deadline of its own', async () => {
    const seen: { trace?: TraceContext; deadlineAt?: number; correlationId?: string }[] = [];
    rig.behaviours.set('do a', async (call) => {
      seen.push({ ...currentContext() });
      return await accepts(call);
    });
    const trace = newTrace();
    const id = await runInContext({ trace, deadlineAt: 1 }, () => rig.start(engine));
    await rig.end(engine, id);
    const [context] = seen;
    assert.equal(context?.trace?.traceId, trace.traceId);
    assert.notEqual(context?.trace?.spanId, trace.spanId);
    assert.equal(context?.correlationId, id);
    assert.ok((context?.deadlineAt ?? 0) > performance.now());
  });
});

describe('recording a step', () => {
  it('takes the hook, the data and the step together, or nothing', async () => {
    let failures = 2;
    let calls = 0;
    const journey = defineSaga<{ readonly id: string; readonly counted?: number }>({
      type: 'hooked',
      version: 1,
      deadlineMs: 60_000,
      steps: (step) => [
        step({
          name: 'only',
          retry: { initialMs: 1 },
          do: async () => ({ ok: true, result: ++calls }),
          onDone: async (tx, data, counted) => {
            await tx.query('INSERT INTO domain_row (saga_id, what) VALUES ($1, $2)', [data.id, 'written']);
            if (failures-- > 0) throw new Error('hook failed');
            return { ...data, counted };
          },
        }),
      ],
    });
    const hooked = rig.engine({ definitions: [journey] });
    const id = randomUUID();
    await rig.db.transaction((tx) => hooked.start(tx, journey, { id, data: { id } }));
    const saga = await rig.end(hooked, id);
    assert.deepEqual(saga.data, { id, counted: 3 });
    assert.deepEqual(await rig.rows(id), ['written']);
    assert.deepEqual(saga.history[0]?.lastError, { code: 'Error', message: 'hook failed' });
  });

  it('gives a step the data that a restart would give it', async () => {
    const seen: unknown[] = [];
    const dated = defineSaga<{ readonly at: Date; readonly none?: string | undefined }>({
      type: 'dated',
      version: 1,
      deadlineMs: 60_000,
      steps: (step) => [
        step({
          name: 'look',
          do: async (data) => {
            seen.push(data);
            return { ok: true, result: undefined };
          },
        }),
      ],
    });
    const dater = rig.engine({ definitions: [dated] });
    const data = { at: new Date(0), none: undefined };
    await rig.end(dater, await rig.db.transaction((tx) => dater.start(tx, dated, { data })));
    assert.deepEqual(seen, [{ at: '1970-01-01T00:00:00.000Z' }]);
  });
});

describe('a stuck saga', () => {
  it('is shown with its error, tells its hook and the metrics, and is resumed by retry', async () => {
    const journey = defineJourney(rig.db, rig.behaviours, { version: 5 });
    const stubborn = rig.engine({ definitions: [journey], stuckAfterAttempts: 2 });
    rig.behaviours.set('do c', refuses('no'));
    rig.behaviours.set('undo a', breaks);
    const id = await rig.start(stubborn, journey);
    const stuck = await eventually('it is stuck', async () => {
      const [found] = await stubborn.list({ status: 'stuck', type: 'journey' });
      return found?.id === id && found;
    });
    assert.deepEqual([stuck.step, stuck.direction], ['a', 'undo']);
    assert.deepEqual(stuck.lastError, { code: 'Error', message: 'broken' });
    assert.ok(stuck.nextAttemptAt.getTime() - Date.now() > 20_000);
    assert.match(rig.metrics.render(), /saga_stuck_total\{saga_type="journey",saga_step="a"\} 1/);
    rig.behaviours.clear();
    const order = { verb: 'retry', by: 'ann', reason: 'it is up again' } as const;
    assert.equal((await stubborn.operate(id, order)).ok, true);
    assert.equal((await rig.end(stubborn, id)).status, 'compensated');
    assert.deepEqual((await rig.rows(id)).slice(-3), ['stuck Error', 'undone a', 'compensated no']);
  });
});

describe('many sagas', () => {
  it('all end, each with its own effects once, beyond what is worked on at once', async () => {
    const small = rig.engine({ concurrency: 8 });
    rig.behaviours.set('do c', async (call) =>
      call.commandId < '8' ? await accepts(call) : { ok: false, reason: { code: 'unlucky' } },
    );
    const ids: string[] = [];
    for (let batch = 0; batch < 8; batch += 1)
      ids.push(...(await Promise.all(Array.from({ length: 25 }, () => rig.start(small)))));
    const ended: SagaDetails[] = [];
    for (const id of ids) ended.push(await rig.end(small, id));
    assert.deepEqual([...new Set(ended.map(({ status }) => status))].sort(), ['compensated', 'completed']);
    const again = await rig.db.query('SELECT 1 FROM effect WHERE saga_id = ANY ($1) AND arrivals > 1', [ids]);
    assert.equal(again.length, 0);
  });

  it('are listed in the order of their ids, page by page', async () => {
    const first = await engine.list({ limit: 3 });
    const second = await engine.list({ limit: 3, afterId: first.at(-1)?.id ?? '' });
    const ids = [...first, ...second].map(({ id }) => id);
    assert.deepEqual(ids, [...ids].sort());
    assert.equal(new Set(ids).size, 6);
    await assert.rejects(engine.list({ limit: 0 }), RangeError);
  });

  it('are shown to operators with the stuck ones on top, then the newest', async () => {
    for (let count = 0; count < 3; count += 1) await rig.end(engine, await rig.start(engine));
    const desk = openSagaDesk(rig.db, uuidv7);
    const shown = await desk.list({ limit: 1_000 });
    const stuck = shown.filter(({ status }) => status === 'stuck').map(({ id }) => id);
    const others = shown.filter(({ status }) => status !== 'stuck').map(({ id }) => id);
    assert.deepEqual(
      shown.map(({ id }) => id),
      [...stuck.toSorted(), ...others.toSorted().reverse()],
    );
    assert.ok(others.length >= 3);
    const [newest] = await desk.list({ status: 'completed', limit: 1 });
    assert.equal(newest?.id, shown.find(({ status }) => status === 'completed')?.id);
  });
});
