/** One node of a service in the middle of a deployment: starts sagas and works on them until it ends. See rolling.test.ts. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDatabase } from '@flotilla/postgres';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { createSagaEngine } from '../src/index.ts';
import { defineBooking, STEPS } from './rolling-rig.ts';

const [uri = '', instanceId = '', versions = ''] = process.argv.slice(2);

const db = createDatabase({ uri, applicationName: instanceId, maxConnections: 6, acquireTimeoutMs: 30_000 });
const definitions = versions
  .split('')
  .map((version) => defineBooking(version === '1' ? 1 : 2, db, () => Math.random() * 15));
const engine = createSagaEngine({
  db,
  definitions,
  instanceId,
  logger: {
    ...silentLogger,
    warn: (_fields, message) => {
      // Nobody may listen any more: that is no fault.
      if (message === 'lease of a saga lost') process.send?.('lost', undefined, undefined, () => undefined);
    },
  },
  metrics: createMetrics(),
  concurrency: 8,
  leaseMs: 600,
  pollMs: 50,
});
const closing = new AbortController();
process.on('disconnect', () => closing.abort());
engine.run();
while (!closing.signal.aborted) {
  const definition = definitions[Math.floor(Math.random() * definitions.length)];
  if (definition === undefined) throw new Error('no version was named');
  const id = randomUUID();
  const undoable = STEPS[definition.version]?.slice(0, -2) ?? [];
  const refuses = Math.random() < 0.4 ? (undoable[Math.floor(Math.random() * undoable.length)] ?? '') : '';
  // A connection lost to a pause that was too long: another one is made.
  await db
    .transaction((tx) => engine.start(tx, definition, { id, data: { id, refuses, trail: [] } }))
    .catch(() => undefined);
  await sleep(20 + Math.random() * 20);
}
await engine.close();
await db.close();
