/** A process that runs one saga and dies at a crash point: see crash.test.ts. */
import { armCrashPoint } from '@flotilla/kernel';
import { createDatabase } from '@flotilla/postgres';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { createSagaEngine } from '../src/index.ts';
import { defineJourney, refuses } from './rig.ts';

const [uri = '', id = '', crashAt = '', refused = ''] = process.argv.slice(2);
armCrashPoint(crashAt, () => process.kill(process.pid, 'SIGKILL'));

const db = createDatabase({ uri, applicationName: 'crashing', acquireTimeoutMs: 30_000 });
const behaviours = new Map(refused === 'c' ? [['do c', refuses('no')] as const] : []);
const journey = defineJourney(db, behaviours);
const engine = createSagaEngine({
  db,
  definitions: [journey],
  instanceId: 'crashing',
  logger: silentLogger,
  metrics: createMetrics(),
});
engine.run();
await db.transaction((tx) => engine.start(tx, journey, { id, data: { id, trail: [] } }));
