import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually } from '@flotilla/kernel/testing';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { createSagaEngine, sagaMigrations } from '../src/index.ts';
import { type Booking, defineBooking, ROLLING_TABLES, STEPS } from './rolling-rig.ts';

const FIXTURE = fileURLToPath(new URL('./rolling.fixture.ts', import.meta.url));

/** Go on for so long instead of one kill and one pause of each node: `SAGA_STORM_SECONDS=60`. */
const STORM_SECONDS = Number(process.env['SAGA_STORM_SECONDS'] ?? 0);

/** Instance ids, and the versions that they know: two deployments side by side. */
const NODES = [
  ['old', '1'],
  ['new', '2'],
  ['both-1', '12'],
  ['both-2', '12'],
] as const;

interface Node {
  process: ChildProcess;
  readonly id: string;
  readonly versions: string;
}

interface Ended {
  readonly id: string;
  readonly status: string;
  readonly def_version: number;
  readonly data: Booking;
  readonly lease_epoch: number;
}

describe('sagas of two versions on nodes that are killed and paused in turn (case 40)', () => {
  let database: TestDatabase;
  let nodes: readonly Node[] = [];
  let leasesLost = 0;

  before(async () => {
    database = await createTestDatabase([sagaMigrations]);
    await database.db.query(ROLLING_TABLES);
    nodes = NODES.map(([id, versions]) => ({ id, versions, process: start(id, versions) }));
  });

  after(async () => {
    for (const node of nodes) node.process.kill('SIGKILL');
    await database?.close();
  });

  function start(id: string, versions: string): ChildProcess {
    const child = spawn(process.execPath, [FIXTURE, database.uri, id, versions], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    child.on('message', () => {
      leasesLost += 1;
    });
    return child;
  }

  const ids = async (sql: string, values: readonly string[] = []) =>
    (await database.db.query<{ id: string }>(sql, values)).map(({ id }) => id);

  /** So that each blow meets sagas in every state. */
  async function someMoreEnd(): Promise<void> {
    const count = async () => (await ids('SELECT id FROM saga_instance WHERE ended_at IS NOT NULL')).length;
    const enough = (await count()) + 25;
    await eventually('some more sagas end', async () => (await count()) >= enough, 60_000, 50);
  }

  /** What a node works on; not what it has locked in the middle of a transaction, which nobody can take from it. */
  const heldBy = (node: Node) =>
    ids(
      `SELECT id FROM saga_instance WHERE ended_at IS NULL AND left(lease_owner, -37) = $1
       FOR UPDATE SKIP LOCKED`,
      [node.id],
    );

  async function kill(node: Node): Promise<void> {
    await eventually('it has sagas in work', async () => (await heldBy(node)).length > 0, 60_000, 2);
    node.process.kill('SIGKILL');
    await once(node.process, 'exit');
    node.process = start(node.id, node.versions);
  }

  /** Its calls go on, and it wants to write, after others have taken over: a zombie. */
  async function pause(node: Node): Promise<void> {
    const taken = await eventually(
      'it is paused with sagas in work',
      async () => {
        node.process.kill('SIGSTOP');
        const held = await heldBy(node);
        if (held.length > 2) return held;
        node.process.kill('SIGCONT');
        return false;
      },
      60_000,
      5,
    );
    try {
      await eventually(
        'others have taken over',
        async () => {
          const left = await heldBy(node);
          return taken.every((id) => !left.includes(id));
        },
        60_000,
        50,
      );
    } finally {
      node.process.kill('SIGCONT');
    }
  }

  it('all end, each by its own version, with each effect once and nothing written by a zombie', {
    timeout: 600_000 + STORM_SECONDS * 2_000,
  }, async (t) => {
    const until = performance.now() + STORM_SECONDS * 1_000;
    let blows = 0;
    for (; blows < NODES.length * 2 || performance.now() < until; blows += 1) {
      await someMoreEnd();
      const node = nodes[blows % nodes.length];
      assert.ok(node);
      // Each node in turn: killed in one round, paused in the next.
      await (Math.floor(blows / nodes.length) % 2 === 0 ? kill : pause)(node);
    }
    await someMoreEnd();
    await Promise.all(
      nodes.map(async ({ process: node }) => {
        const exited = once(node, 'exit');
        node.disconnect();
        assert.deepEqual(await exited, [0, null]);
      }),
    );
    await finishTheRest();

    const sagas = await database.db.query<Ended>(
      'SELECT id, status, def_version, data, lease_epoch FROM saga_instance',
    );
    const rows = Map.groupBy(
      await database.db.query<{ saga_id: string; what: string }>('SELECT * FROM domain_row ORDER BY seq'),
      (row) => row.saga_id,
    );
    const effects = Map.groupBy(
      await database.db.query<{ saga_id: string; step: string; effect: number }>('SELECT * FROM ledger'),
      (row) => row.saga_id,
    );
    for (const saga of sagas) {
      isSound(saga, rows.get(saga.id)?.map(({ what }) => what) ?? []);
      isBalanced(saga, effects.get(saga.id) ?? []);
    }
    const orphans = [...rows.keys(), ...effects.keys()].filter((id) => !sagas.some((saga) => saga.id === id));
    assert.deepEqual(orphans, [], 'nothing is left of a saga that was not started');
    const open = await database.db.query("SELECT FROM saga_step WHERE status = 'open'");
    assert.deepEqual(open, []);
    assert.ok(leasesLost > 0, 'no node ever had to find out that its lease was gone');
    for (const version of [1, 2])
      for (const status of ['completed', 'compensated'])
        assert.ok(
          sagas.some((saga) => saga.def_version === version && saga.status === status),
          `no saga of version ${version} is ${status}`,
        );
    const takenOver = sagas.filter((saga) => saga.lease_epoch > 1).length;
    t.diagnostic(
      `${blows} kills and pauses, ${sagas.length} sagas, ${takenOver} taken over, ${leasesLost} leases lost`,
    );
  });

  async function finishTheRest(): Promise<void> {
    const { db } = database;
    const engine = createSagaEngine({
      ...{ db, definitions: [defineBooking(1, db), defineBooking(2, db)], instanceId: 'heir', pollMs: 50 },
      ...{ logger: silentLogger, metrics: createMetrics() },
    });
    engine.run();
    try {
      await eventually(
        'every saga has ended',
        async () => (await ids('SELECT id FROM saga_instance WHERE ended_at IS NULL')).length === 0,
        60_000,
        50,
      );
    } finally {
      await engine.close();
    }
  }
});

/** What its hooks left is one possible life of a saga: nothing twice, nothing after the end. */
function isSound({ id, status, def_version: version, data }: Ended, rows: readonly string[]): void {
  const what = `saga ${id} of version ${version}, ${status}: ${rows.join(', ')}`;
  const steps = STEPS[version] ?? [];
  assert.equal(new Set(rows).size, rows.length, `a hook took effect twice: ${what}`);
  assert.equal(rows.at(-1), status, what);
  const done = steps.filter((step) => rows.includes(`done ${step}`));
  assert.deepEqual([...data.trail].sort(), done.map((step) => `${step}@${version}`).sort(), what);
  if (status === 'completed') {
    assert.deepEqual([...rows].sort(), [...steps.map((step) => `done ${step}`), 'completed'].sort(), what);
    assert.equal(data.refuses, '', what);
  } else {
    assert.equal(status, 'compensated', what);
    assert.notEqual(data.refuses, '', what);
    for (const step of done)
      assert.ok(
        rows.indexOf(`done ${step}`) < rows.indexOf(`undone ${step}`),
        `${step} was not undone: ${what}`,
      );
    assert.ok(!rows.includes('done pay'), what);
  }
}

/** Each effect once, and taken back once where the saga was. */
function isBalanced(
  { id, status, def_version: version }: Ended,
  effects: readonly { readonly step: string; readonly effect: number }[],
): void {
  for (const step of STEPS[version] ?? []) {
    const ofStep = effects.filter((one) => one.step === step).map(({ effect }) => effect);
    const what = `saga ${id} of version ${version}, ${status}: ${step} ${ofStep.join(', ')}`;
    if (status === 'completed') assert.deepEqual(ofStep, [1], what);
    else if (ofStep.length > 0) assert.deepEqual(ofStep.toSorted(), [-1, 1], what);
  }
}
