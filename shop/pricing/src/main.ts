import { openBus, openClient, openDatabase, runService } from '@flotilla/service';
import { ORDER_MESSAGE_RETRY } from '@shop/contracts';
import { createPricingApp } from './app.ts';
import { createLookUp } from './catalogue.ts';
import { readConfig } from './config.ts';

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;

await runService({
  name: 'pricing',
  readConfig,
  start: async (service) => {
    const { config, env, clock, newId } = service;
    const db = openDatabase(service);
    const bus = await openBus(service, db);
    const app = createPricingApp({
      ...{ db, outbox: bus.openOutbox(), clock, newId },
      lookUpProducts: createLookUp(openClient(service, 'inventory', { scope: 'inventory.read' })),
      quoteTtlMs: config.QUOTE_TTL_SECONDS * SECOND_MS,
    });
    if (env.demo) await app.addDemoPrices();
    // Each order in a transaction of its own: those that use one coupon would wait for each other in any order.
    await bus.consume(app.subscriptions, { maxBatch: 1, retry: ORDER_MESSAGE_RETRY });
    service.every('forget old quotes', HOUR_MS, app.forgetOldQuotes);
    return { handlers: app.handlers };
  },
});
