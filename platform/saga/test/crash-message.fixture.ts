/** A process that runs a saga by messages and dies at a crash point: see crash-message.test.ts. */
import { randomUUID } from 'node:crypto';
import { armCrashPoint } from '@flotilla/kernel';
import type { SagaVerb } from '../src/index.ts';
import { insertOperation } from '../src/store/operations.ts';
import { direct, nudged, openWorld, paused, refusing } from './crash-world.ts';

const [uri = '', busUri = '', id = '', crashAt = '', story = ''] = process.argv.slice(2);
armCrashPoint(crashAt, () => process.kill(process.pid, 'SIGKILL'));

const { db, engine, outbox } = await openWorld(uri, busUri);
const definition =
  { refusing, paused }[story === 'operation' || story === 'migration' ? 'paused' : story] ?? direct;
await db.transaction(async (tx) => {
  await engine.start(tx, definition, { id, data: { id, trail: [] }, correlationKeys: [id] });
  if (story === 'event') await outbox.publish(tx, nudged, { about: id });
});

const verb: SagaVerb | undefined =
  story === 'operation' ? { verb: 'skip' } : story === 'migration' ? { verb: 'migrate', to: 2 } : undefined;
if (verb) {
  while ((await engine.find(id))?.step !== 'pause') await new Promise((resolve) => setTimeout(resolve, 20));
  await insertOperation(db, { id: randomUUID(), sagaId: id, order: { ...verb, by: 'ann', reason: 'test' } });
}
