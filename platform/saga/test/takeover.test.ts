import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { PlatformError } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import type { Database } from '@flotilla/postgres';
import type { SagaCall, SagaEngine } from '../src/index.ts';
import { recordStep } from '../src/store/records.ts';
import { accepts, type Behaviour, createRig, defineJourney, gate, inTurn, type Rig } from './rig.ts';

let rig: Rig;

before(async () => {
  rig = await createRig();
});

after(() => rig.close());

beforeEach(() => rig.behaviours.clear());

// An engine of another test would take over what this one gives back.
afterEach(() => rig.closeEngines());

const ALL_DONE = ['done a', 'done b', 'done c', 'done d', 'completed'];

/** As if the holder had not been heard of for the length of a lease. */
async function expireLease(id: string): Promise<void> {
  await rig.db.query("UPDATE saga_instance SET lease_until = now() - interval '1 s' WHERE id = $1", [id]);
}

async function reachesEnd(engine: SagaEngine, id: string): Promise<void> {
  assert.equal((await rig.end(engine, id)).status, 'completed');
  assert.deepEqual(await rig.rows(id), ALL_DONE);
  assert.deepEqual(await rig.effects(id), ['do a', 'do b', 'do c', 'do d']);
}

/** A database that can be cut off from the engine that uses it, before or after it has done its work. */
function cuttable(db: Database): { readonly db: Database; cut: 'no' | 'before' | 'after-once' } {
  const lost = () => new PlatformError('POSTGRES_UNAVAILABLE', 'cut off', { retryable: true });
  const line: { db: Database; cut: 'no' | 'before' | 'after-once' } = { db, cut: 'no' };
  const through = async <T>(work: () => Promise<T>): Promise<T> => {
    if (line.cut === 'before') throw lost();
    const result = await work();
    if (line.cut !== 'after-once') return result;
    line.cut = 'no';
    throw lost();
  };
  line.db = {
    ...db,
    query: (sql, values) => through(() => db.query(sql, values)),
    transaction: (work) => through(() => db.transaction(work)),
  };
  return line;
}

describe('an engine that takes over', () => {
  it('finishes with the same command ids what another one left', async () => {
    const b = gate();
    rig.behaviours.set('do b', inTurn(b.behaviour));
    const line = cuttable(rig.db);
    const dying = rig.engine({ db: line.db, leaseMs: 400 });
    const id = await rig.start(dying);
    await b.entered;
    line.cut = 'before';
    // It waits for the end of the lease, not for its next look.
    const heir = rig.engine({ pollMs: 3_600_000 });
    await reachesEnd(heir, id);
    b.open();
    line.cut = 'no';
    const arrivals = await rig.db.query('SELECT name, arrivals FROM effect WHERE saga_id = $1 ORDER BY seq', [
      id,
    ]);
    assert.deepEqual(arrivals, [
      { name: 'do a', arrivals: 1 },
      { name: 'do b', arrivals: 2 },
      { name: 'do c', arrivals: 1 },
      { name: 'do d', arrivals: 1 },
    ]);
  });

  it('drops what a holder writes whose lease has run out', async () => {
    const zombie = gate();
    const heir = gate();
    rig.behaviours.set('do b', inTurn(zombie.behaviour, heir.behaviour));
    const slow = rig.engine();
    const id = await rig.start(slow);
    await zombie.entered;
    await expireLease(id);
    const quick = rig.engine();
    await heir.entered;
    zombie.open();
    await slow.close();
    assert.deepEqual(await rig.rows(id), ['done a']);
    heir.open();
    await reachesEnd(quick, id);
  });

  it('is recognised by the epoch: an older one affects no row', async () => {
    const b = gate();
    rig.behaviours.set('do b', b.behaviour);
    const engine = rig.engine();
    const id = await rig.start(engine);
    await b.entered;
    const [row] = await rig.db.query<{ version: number; lease_epoch: number }>(
      'SELECT version, lease_epoch FROM saga_instance WHERE id = $1',
      [id],
    );
    const record = {
      id,
      version: row?.version ?? 0,
      epoch: (row?.lease_epoch ?? 0) - 1,
      held: true,
      status: 'completed',
      dataJson: undefined,
      step: undefined,
      direction: 'do',
      attempt: 1,
      pivotStarted: true,
      reasonJson: undefined,
      next: { waitMs: 0 },
      was: {
        step: 'b',
        branch: '',
        direction: 'do',
        epoch: 1,
        status: 'done',
        attempts: 1,
        sent: false,
        dueMs: undefined,
        replyJson: undefined,
        fault: undefined,
      },
      opens: [],
    } as const;
    assert.equal(await recordStep(rig.db, record), false);
    b.open();
    await reachesEnd(engine, id);
  });

  it('does not take what is held: a long call keeps its lease', async () => {
    const b = gate();
    rig.behaviours.set('do b', b.behaviour);
    const holder = rig.engine({ leaseMs: 2_000 });
    rig.engine({ leaseMs: 2_000 });
    const id = await rig.start(holder);
    await b.entered;
    const leases = new Set<string>();
    await eventually('the lease was renewed', async () => {
      const [row] = await rig.db.query<{ until: string }>(
        'SELECT lease_until::text AS until FROM saga_instance WHERE id = $1',
        [id],
      );
      leases.add(row?.until ?? '');
      return leases.size > 4;
    });
    b.open();
    await reachesEnd(holder, id);
    const [effect] = await rig.db.query("SELECT arrivals FROM effect WHERE saga_id = $1 AND name = 'do b'", [
      id,
    ]);
    assert.deepEqual(effect, { arrivals: 1 });
  });

  it('takes back at once what a previous life of its own process held', async () => {
    const b = gate();
    rig.behaviours.set('do b', inTurn(b.behaviour));
    const line = cuttable(rig.db);
    const first = rig.engine({ db: line.db, instanceId: 'order-1', leaseMs: 60_000 });
    const id = await rig.start(first);
    await b.entered;
    line.cut = 'before';
    const second = rig.engine({ instanceId: 'order-1', leaseMs: 60_000 });
    await reachesEnd(second, id);
    b.open();
    line.cut = 'no';
  });
});

describe('two engines', () => {
  it('share the work and never run a step of one saga at the same time', async () => {
    const inside = new Set<string>();
    const overlaps: string[] = [];
    const by = new Map<string, number>();
    const watch =
      (name: string): Behaviour =>
      async (call) => {
        if (inside.has(call.sagaId)) overlaps.push(call.sagaId);
        inside.add(call.sagaId);
        by.set(name, (by.get(name) ?? 0) + 1);
        await new Promise((resolve) => setTimeout(resolve, 2));
        inside.delete(call.sagaId);
        return await accepts(call);
      };
    const engines = ['one', 'two'].map((name) => {
      const behaviours = new Map(
        (['do a', 'do b', 'do c', 'do d'] as const).map((call) => [call, watch(name)]),
      );
      const definition = defineJourney(rig.db, behaviours, { version: 7 });
      return { engine: rig.engine({ definitions: [definition], concurrency: 4 }), definition };
    });
    const [first] = engines;
    assert.ok(first);
    const ids = await Promise.all(
      Array.from({ length: 60 }, () => rig.start(first.engine, first.definition)),
    );
    for (const id of ids) await reachesEnd(first.engine, id);
    assert.deepEqual(overlaps, []);
    assert.ok((by.get('one') ?? 0) > 0 && (by.get('two') ?? 0) > 0, JSON.stringify([...by]));
  });
});

describe('an engine', () => {
  it('continues from a commit whose answer was lost', async () => {
    const line = cuttable(rig.db);
    const calls: SagaCall[] = [];
    rig.behaviours.set('do b', async (call) => {
      calls.push(call);
      line.cut = 'after-once';
      return await accepts(call);
    });
    const engine = rig.engine({ db: line.db });
    const id = await rig.start(engine);
    await reachesEnd(engine, id);
    assert.equal(calls.length, 1);
  });

  it('carries on when all its connections are terminated, again and again', async () => {
    const engine = rig.engine({ leaseMs: 1_000 });
    const ids = await Promise.all(Array.from({ length: 40 }, () => rig.start(engine)));
    for (let round = 0; round < 5; round += 1) {
      await terminateConnections();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await eventually('all end', async () => {
      const completed = await engine.list({ status: 'completed', limit: 1_000 });
      return ids.every((id) => completed.some((saga) => saga.id === id));
    });
    for (const id of ids) assert.deepEqual(await rig.rows(id), ALL_DONE);
  });

  it('gives its instances back when it closes, after the call in flight', async () => {
    const b = gate();
    rig.behaviours.set('do b', inTurn(b.behaviour));
    const leaving = rig.engine({ leaseMs: 60_000 });
    const id = await rig.start(leaving);
    await b.entered;
    const closed = leaving.close();
    b.open();
    await closed;
    const saga = await leaving.find(id);
    assert.deepEqual([saga?.step, saga?.leasedBy], ['c', undefined]);
    await reachesEnd(rig.engine(), id);
  });

  it('aborts a call that takes longer than it may drain', async () => {
    const hangs = (call: SagaCall) =>
      new Promise<never>((_resolve, reject) => {
        call.signal.addEventListener('abort', () => reject(call.signal.reason as Error));
      });
    rig.behaviours.set('do b', inTurn(hangs));
    const leaving = rig.engine({ leaseMs: 60_000, drainMs: 20 });
    const id = await rig.start(leaving);
    await eventually('b is called', async () => (await rig.effects(id)).includes('do b'));
    await leaving.close();
    const saga = await leaving.find(id);
    assert.deepEqual([saga?.step, saga?.leasedBy, saga?.attempt], ['b', undefined, 2]);
    await reachesEnd(rig.engine(), id);
  });

  it('leaves instances of a definition it does not know to others, and counts them', async () => {
    const next = defineJourney(rig.db, rig.behaviours, { version: 8 });
    const newer = rig.engine({ definitions: [next] });
    const c = gate();
    rig.behaviours.set('do c', inTurn(c.behaviour));
    const id = await rig.start(newer, next);
    await c.entered;
    const closed = newer.close();
    c.open();
    await closed;
    const older = rig.engine();
    await eventually('it is counted', () =>
      rig.metrics.render().includes('saga_active{saga_type="journey",status="unknown-version"} 1'),
    );
    const left = await older.find(id);
    assert.deepEqual([left?.status, left?.step, left?.leasedBy], ['running', 'd', undefined]);
    await reachesEnd(rig.engine({ definitions: [next] }), id);
  });
});

async function terminateConnections(): Promise<void> {
  await rig.db
    .query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    )
    .catch((error: unknown) => {
      assert.equal((error as PlatformError).code, 'POSTGRES_UNAVAILABLE');
    });
}
