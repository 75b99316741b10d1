import { openBus, openDatabase, runService } from '@flotilla/service';
import { createUserApp } from './app.ts';
import { readConfig } from './config.ts';

await runService({
  name: 'user',
  readConfig,
  start: async (service) => {
    const { clock, newId } = service;
    const db = openDatabase(service);
    const bus = await openBus(service, db);
    const app = createUserApp({ db, outbox: bus.openOutbox(), clock, newId });
    await bus.consume(app.subscriptions);
    return { handlers: app.handlers };
  },
});
