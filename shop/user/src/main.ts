import { randomBytes } from 'node:crypto';
import { openBus, openDatabase, runService } from '@flotilla/service';
import { createUserApp } from './app.ts';
import { readConfig } from './config.ts';
import { connectHolders } from './people/holders.ts';

const HOUR_MS = 3_600_000;
/** Revocations are everywhere within two seconds, while the bus runs. */
const TOKENS_END_MS = 5_000;

await runService({
  name: 'user',
  readConfig,
  start: async (service) => {
    const { clock, newId, logger, metrics, env } = service;
    const db = openDatabase(service);
    const bus = await openBus(service, db);
    const app = createUserApp({
      ...{ db, outbox: bus.openOutbox(), clock, newId, logger, metrics, instanceId: env.instanceId },
      ...connectHolders(service),
      newKey: () => randomBytes(32).toString('base64url'),
      tokensEndMs: TOKENS_END_MS,
    });
    service.defer('sagas', () => app.sagas.close());
    app.sagas.run();
    await bus.consume(app.subscriptions);
    service.every('forget what was collected', HOUR_MS, app.forgetOldExports);
    return { handlers: app.handlers };
  },
});
