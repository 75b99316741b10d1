import type { Queryable } from '@flotilla/postgres';
import { openBus, openClient, openDatabase, runService } from '@flotilla/service';
import { ORDER_MESSAGE_RETRY } from '@shop/contracts';
import { createPaymentApp } from './app.ts';
import { readConfig } from './config.ts';
import { createHttpPaymentProvider } from './http-payment-provider.ts';
import { announceOutcomes } from './outcome-events.ts';
import { createPaymentStore } from './payment-store.ts';
import { peopleRoutes } from './people.ts';

await runService({
  name: 'payment',
  readConfig,
  start: async (service) => {
    const { config, logger, metrics, clock, newId } = service;
    const db = openDatabase(service);
    const bus = await openBus(service, db);
    const outbox = bus.openOutbox();
    const provider = openClient(service, 'payment-provider', { apiKey: config.PROVIDER_API_KEY });
    const storeOn = (queryable: Queryable) => createPaymentStore(queryable, newId);
    const app = createPaymentApp({
      ...{ outbox, storeOn, clock, newId, logger, metrics },
      store: announceOutcomes({ db, storeOn, outbox }),
      provider: createHttpPaymentProvider(provider),
      random: Math.random,
    });
    service.background('resolver of open payments', app.resolver.run);
    await bus.consume(app.subscriptions, { retry: ORDER_MESSAGE_RETRY });
    return { handlers: [...app.handlers, ...peopleRoutes(db)] };
  },
});
