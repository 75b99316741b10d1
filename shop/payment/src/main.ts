import { createHttpClient, databaseReadiness } from '@flotilla/http';
import { createConsumer, createOutbox, createRelay, createTransport } from '@flotilla/messaging';
import { createDatabase, type Queryable } from '@flotilla/postgres';
import { runService } from '@flotilla/service';
import { ORDER_MESSAGE_RETRY } from '@shop/contracts';
import { createPaymentApp } from './app.ts';
import { readConfig } from './config.ts';
import { createHttpPaymentProvider } from './http-payment-provider.ts';
import { announceOutcomes } from './outcome-events.ts';
import { createPaymentStore } from './payment-store.ts';

await runService({
  name: 'payment',
  readConfig,
  start: async ({ config, logger, metrics, clock, newId, pick, defer, background }) => {
    const db = createDatabase({
      uri: config.DATABASE_URL,
      applicationName: 'payment',
      onIdleError: (error) => logger.warn({ err: error }, 'a database connection broke'),
    });
    defer('database', () => db.close());
    const { BUS_URL: busUrl, RABBITMQ_URL: rabbitmqUrl } = config;
    const transport = await createTransport({ name: 'payment', busUrl, rabbitmqUrl, logger, metrics });
    defer('message transport', () => transport.close());
    const relay = createRelay({ db, transport, logger, metrics });
    defer('relay', () => relay.close());
    const client = createHttpClient({
      service: 'payment-provider',
      pick,
      logger,
      metrics,
      token: config.PROVIDER_API_KEY,
    });
    defer('provider client', () => client.close());

    const outbox = createOutbox({ source: 'payment', clock, newId, onCommit: relay.nudge });
    const storeOn = (queryable: Queryable) => createPaymentStore(queryable, newId);
    const app = createPaymentApp({
      store: announceOutcomes({ db, storeOn, outbox }),
      storeOn,
      outbox,
      provider: createHttpPaymentProvider(client),
      clock,
      newId,
      random: Math.random,
      logger,
      metrics,
    });
    background('resolver of open payments', app.resolver.run);
    relay.start();
    const consumer = createConsumer({
      name: 'payment',
      db,
      transport,
      handlers: app.subscriptions,
      retry: ORDER_MESSAGE_RETRY,
      logger,
      metrics,
    });
    await consumer.start();
    defer('consumer', () => consumer.close());
    return { handlers: app.handlers, readiness: { database: databaseReadiness(db) } };
  },
});
