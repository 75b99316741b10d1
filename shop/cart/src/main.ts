import { openBus, openClient, openDatabase, runService } from '@flotilla/service';
import { createCartApp } from './app.ts';
import { readConfig } from './config.ts';

const HOUR_MS = 3_600_000;

await runService({
  name: 'cart',
  readConfig,
  start: async (service) => {
    const db = openDatabase(service);
    const bus = await openBus(service, db);
    const { handlers, subscriptions, checkouts } = createCartApp({
      db,
      inventory: openClient(service, 'inventory', { scope: 'inventory.read' }),
      // The token only says who calls: the rights are those of the customer, whose token comes with each call.
      orders: openClient(service, 'order', { scope: 'inventory.read' }),
    });
    await bus.consume(subscriptions);
    service.every('forget old checkouts', HOUR_MS, () => checkouts.forget(service.config.CHECKOUT_DAYS));
    return { handlers };
  },
});
