/** A process that runs a projection and takes snapshots, and dies at a crash point: see crash.test.ts. */
import { armCrashPoint, systemClock } from '@flotilla/kernel';
import { createDatabase } from '@flotilla/postgres';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { createAggregate, createEventStore, createProjectionRunner } from '../src/index.ts';
import { account, accounts, defineBalance } from './rig.ts';

const [uri = '', crashAt = '', kind = ''] = process.argv.slice(2);
armCrashPoint(crashAt, () => process.kill(process.pid, 'SIGKILL'));

const db = createDatabase({ uri, applicationName: 'crashing', acquireTimeoutMs: 30_000 });
const inline = kind === 'inline';
const failure = (event: { readonly data: { readonly amount: number } }) => {
  if (event.data.amount === 13) throw new Error('thirteen');
};
const projections = [
  defineBalance({ inline, before: failure }),
  defineBalance({ inline, version: 2, factor: 10, before: failure }),
];
const store = createEventStore({ projections });
createProjectionRunner({
  db,
  projections,
  logger: silentLogger,
  metrics: createMetrics(),
  pollIntervalMs: 20,
  batchSize: 2,
  retryDelaysMs: [10],
}).start();
const aggregate = createAggregate({
  store,
  category: accounts,
  decider: account,
  snapshots: { db, schemaVersion: 1, everyEvents: 2, onError: () => undefined },
});
for (;;) {
  await db.transaction((tx) => aggregate.execute(tx, 'rich', { withdraw: 1 }));
  await systemClock.sleep(5);
}
