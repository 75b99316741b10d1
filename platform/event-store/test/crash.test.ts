import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually } from '@flotilla/kernel/testing';
import { createAggregate, createEventStore, fold, listProjections, requestProjection } from '../src/index.ts';
import { readToEnd } from '../src/stream/read-stream.ts';
import { eventStoreCrashPoints } from '../src/testing/crash-points.ts';
import { account, accounts, createRig, defineBalance, deposited, type Rig } from './rig.ts';

const FIXTURE = fileURLToPath(new URL('./crash.fixture.ts', import.meta.url));

/** Runs until it dies at the crash point. */
async function crash(rig: Rig, crashAt: string, kind: string): Promise<void> {
  const child = spawn(process.execPath, [FIXTURE, rig.uri, crashAt, kind], { stdio: 'inherit' });
  const [, signal] = await once(child, 'exit', { signal: AbortSignal.timeout(300_000) });
  assert.equal(signal, 'SIGKILL', `the process did not reach ${crashAt}`);
}

/** Generations whose rows are not those of the events up to where they are: also one that was replaced since. */
const countedWrongly = (rig: Rig) =>
  rig.db.query(
    `SELECT g.generation, rows.events AS counted, log.events AS stored FROM projection_generation g,
       LATERAL (SELECT COALESCE(sum(events), 0) AS events FROM balance b WHERE b.generation = g.generation) AS rows,
       LATERAL (SELECT count(*) AS events FROM event e WHERE (e.xid, e.position) <= (g.xid, g.position)) AS log
     WHERE g.state <> 'dropping' AND rows.events <> log.events`,
  );

const POINTS = {
  inline: eventStoreCrashPoints.filter((point) => point.includes('switch')),
  asynchronous: eventStoreCrashPoints,
};

describe('a process that is killed between two effects', { concurrency: 2 }, () => {
  for (const kind of ['asynchronous', 'inline'] as const)
    for (const point of POINTS[kind])
      it(`at ${point} (${kind}) leaves read models that a successor completes, each event counted once`, async (t) => {
        const versions = [1, 10].map((factor, index) =>
          defineBalance({ inline: kind === 'inline', version: index + 1, factor }),
        );
        const store = createEventStore({ projections: versions });
        const rig = await createRig({ balance: kind, store });
        t.after(() => rig.close());
        await rig.append('rich', deposited(1_000));
        if (point.includes('failure')) await rig.append('poor', deposited(13));
        const rebuild = () => requestProjection(rig.db, { name: 'balance', verb: 'rebuild', by: 'test' });
        const idle = () =>
          eventually('every command has ended', async () => {
            const open = await rig.db.query('SELECT FROM projection_command WHERE ended_at IS NULL');
            return open.length === 0;
          });
        await rebuild();
        if (point.includes('drop')) {
          const predecessor = rig.runner(versions);
          await idle();
          await predecessor.close();
          await rebuild(); // drops what the first one left for a rollback
        }
        await crash(rig, point, kind);

        rig.runner(versions);
        await idle();
        const [active] = (await listProjections(rig.db)).filter((one) => one.state === 'active');
        const factor = active?.version === 2 ? 10 : 1;
        await eventually('the read model is the sum of the events', async () => {
          const sums = await rig.db.query(
            `SELECT stream_id, count(*)::integer AS events,
               sum((data->>'amount')::integer * CASE type WHEN 'deposited' THEN 1 ELSE -1 END)::integer * ${factor} AS amount
             FROM event GROUP BY stream_id ORDER BY stream_id`,
          );
          assert.deepEqual(await rig.balances(), sums);
          return sums.length > 0;
        });
        if (kind === 'asynchronous') assert.deepEqual(await countedWrongly(rig), []);
        const aggregate = createAggregate({
          store,
          category: accounts,
          decider: account,
          snapshots: { db: rig.db, schemaVersion: 1, everyEvents: 2, onError: () => undefined },
        });
        const { state } = await rig.db.transaction((tx) => aggregate.load(tx, 'rich'));
        const events = await readToEnd(rig.db, accounts.stream('rich'), 1);
        assert.deepEqual(state, fold(account, account.initial, events));
      });
});
