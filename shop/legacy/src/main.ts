import { openDatabase, runService } from '@flotilla/service';
import { createLegacyHandlers } from './app.ts';
import { readConfig } from './config.ts';
import { addDemoOrders } from './demo-orders.ts';

await runService({
  name: 'legacy',
  readConfig,
  start: async (service) => {
    const db = openDatabase(service);
    if (service.env.demo) await addDemoOrders(db);
    return { handlers: createLegacyHandlers({ db, clock: service.clock }) };
  },
});
