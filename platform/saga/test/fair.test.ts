import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { defineSaga, type SagaDefinition, type SagaEngine } from '../src/index.ts';
import { createRig, type Rig } from './rig.ts';

interface Visit {
  readonly of: string;
}

/** A participant of whom the calls for some customers are not answered until it is told to. */
function slowFor(...customers: readonly string[]) {
  const opened = Promise.withResolvers<void>();
  const state = { inFlight: 0, most: 0 };
  return {
    state,
    open: opened.resolve,
    call: async (customer: string) => {
      state.inFlight += 1;
      state.most = Math.max(state.most, state.inFlight);
      if (customers.includes(customer)) await opened.promise;
      state.inFlight -= 1;
      return { ok: true as const, result: null };
    },
  };
}

function defineVisit(
  charge: (of: string) => Promise<{ ok: true; result: null }>,
  more: { readonly places?: number; readonly deadlineMs?: number; readonly fair?: boolean } = {},
): SagaDefinition<Visit> {
  const { places, deadlineMs = 60_000, fair = true } = more;
  return defineSaga<Visit>({
    type: 'visit',
    version: 1,
    deadlineMs,
    ...(fair && { fairBy: ({ of }) => of }),
    steps: (step) => [
      step({ name: 'reserve', do: async () => ({ ok: true, result: null }), undo: async () => undefined }),
      step({
        name: 'charge',
        ...(places !== undefined && { places }),
        timeoutMs: 60_000,
        do: ({ of }) => charge(of),
        undo: async () => undefined,
      }),
    ],
  });
}

let rig: Rig;
before(async () => {
  rig = await createRig();
});
after(() => rig.close());
afterEach(() => rig.closeEngines());

async function start(engine: SagaEngine, definition: SagaDefinition<Visit>, of: string): Promise<string> {
  const id = randomUUID();
  return await rig.db.transaction((tx) => engine.start(tx, definition, { id, data: { of } }));
}

const endsAs = (engine: SagaEngine, id: string, status: string) =>
  eventually(`${id} is ${status}`, async () => (await engine.find(id))?.status === status);

describe('an engine shared by many', () => {
  it('works for one while the slow calls of another fill their share, and waits for neither', async () => {
    const payment = slowFor('alice');
    const definition = defineVisit(payment.call);
    const engine = rig.engine({ definitions: [definition], concurrency: 8 });
    const slow: string[] = [];
    // Some at the same moment: they begin without seeing each other.
    for (let n = 0; n < 10; n += 1)
      slow.push(...(await Promise.all([1, 2, 3, 4].map(() => start(engine, definition, 'alice')))));
    await eventually('her share is in flight', () => payment.state.inFlight >= 4);
    for (let n = 0; n < 10; n += 1) await endsAs(engine, await start(engine, definition, 'bob'), 'completed');
    assert.ok(payment.state.inFlight < 8, 'she never has all places');
    payment.open();
    for (const id of slow) await endsAs(engine, id, 'completed');
  });

  it('finds the sagas of others behind a backlog of one, and those of many heavy ones take turns', async () => {
    const payment = slowFor('a', 'b', 'c');
    const definition = defineVisit(payment.call);
    const placing = rig.engine({ definitions: [definition], concurrency: 1 });
    await placing.close();
    const heavy: string[] = [];
    for (const customer of ['a', 'b', 'c'])
      for (let n = 0; n < 50; n += 1) heavy.push(await start(placing, definition, customer));
    const last = await start(placing, definition, 'bob');
    const engine = rig.engine({ definitions: [definition], concurrency: 8 });
    await eventually('all shares are in flight', () => payment.state.inFlight >= 6);
    payment.open();
    await endsAs(engine, last, 'completed');
    for (const id of heavy) await endsAs(engine, id, 'completed');
  });

  it('makes no more calls of a step at once than it has places, and holds no worker for those that wait', async () => {
    const payment = slowFor('alice');
    const slow = defineVisit(payment.call, { places: 2, fair: false });
    const other = rig.journey;
    const engine = rig.engine({ definitions: [slow, other], concurrency: 4 });
    const waiting: string[] = [];
    for (let n = 0; n < 12; n += 1) waiting.push(await start(engine, slow, 'alice'));
    await eventually('the places are taken', () => payment.state.inFlight === 2);
    assert.equal((await rig.end(engine, await rig.start(engine, other))).status, 'completed');
    await eventually('every saga has come to the step', async () => {
      const rows = await rig.db.query("SELECT FROM saga_instance WHERE type = 'visit' AND step = 'charge'");
      return rows.length === waiting.length;
    });
    const [held] = await rig.db.query<{ count: number }>(
      "SELECT count(lease_owner)::int AS count FROM saga_instance WHERE type = 'visit' AND ended_at IS NULL",
    );
    assert.equal(held?.count, 2);
    payment.open();
    for (const id of waiting) await endsAs(engine, id, 'completed');
    assert.equal(payment.state.most, 2);
  });

  it('turns around a saga that waits for a place when it is cancelled or out of time, and needs none for that', async () => {
    const payment = slowFor('alice');
    const definition = defineVisit(payment.call, { places: 1, fair: false });
    const engine = rig.engine({ definitions: [definition], concurrency: 4 });
    const first = await start(engine, definition, 'alice');
    await eventually('the place is taken', () => payment.state.inFlight === 1);
    const [cancelled, late] = [
      await start(engine, definition, 'alice'),
      await start(engine, definition, 'alice'),
    ];
    await eventually('both wait for it', async () => {
      const rows = await rig.db.query(
        "SELECT FROM saga_instance WHERE id = ANY ($1) AND step = 'charge' AND lease_owner IS NULL",
        [[cancelled, late]],
      );
      return rows.length === 2;
    });
    await rig.db.transaction((tx) => engine.cancel(tx, cancelled, { code: 'changed-my-mind' }));
    await endsAs(engine, cancelled, 'cancelled');
    await rig.db.query('UPDATE saga_instance SET deadline_at = now() WHERE id = $1', [late]);
    await endsAs(engine, late, 'compensated');
    payment.open();
    await endsAs(engine, first, 'completed');
    assert.equal(payment.state.most, 1);
  });
});
