import { openBus, openDatabase, runService } from '@flotilla/service';
import { ORDER_MESSAGE_RETRY } from '@shop/contracts';
import { createShippingApp } from './app.ts';
import { readConfig } from './config.ts';

await runService({
  name: 'shipping',
  readConfig,
  start: async (service) => {
    const db = openDatabase(service);
    const bus = await openBus(service, db);
    const { handlers, subscriptions } = createShippingApp({
      ...{ db, outbox: bus.openOutbox(), newId: service.newId },
    });
    await bus.consume(subscriptions, { retry: ORDER_MESSAGE_RETRY });
    return { handlers };
  },
});
