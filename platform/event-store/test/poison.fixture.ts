/** A process whose projections handle events until one of these ends it: see poison.test.ts. */
import { createDatabase } from '@flotilla/postgres';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { createProjectionRunner } from '../src/index.ts';
import { defineBalance, defineTally } from './rig.ts';

const [uri = '', how = '', version = '1'] = process.argv.slice(2);

const deadly = (event: { readonly data: { readonly amount: number } }) => {
  if (event.data.amount !== 13) return;
  if (how === 'exit') process.exit(7);
  process.kill(process.pid, 'SIGKILL'); // as the kernel does when memory runs out
};

createProjectionRunner({
  db: createDatabase({ uri, applicationName: 'poisoned', acquireTimeoutMs: 30_000 }),
  projections: [
    defineBalance(version === '1' ? { before: deadly } : {}),
    defineBalance({ version: 2, before: deadly }),
    defineTally(),
  ],
  logger: silentLogger,
  metrics: createMetrics(),
  pollIntervalMs: 20,
  batchSize: 4,
}).start();
setInterval(() => undefined, 60_000); // only an event ends it
