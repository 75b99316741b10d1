import { databaseReadiness } from '@flotilla/http';
import { createConsumer, createOutbox, createRelay, createTransport } from '@flotilla/messaging';
import { createDatabase } from '@flotilla/postgres';
import { runService } from '@flotilla/service';
import { ORDER_MESSAGE_RETRY } from '@shop/contracts';
import { createShippingApp } from './app.ts';
import { readConfig } from './config.ts';

await runService({
  name: 'shipping',
  readConfig,
  start: async ({ config, logger, metrics, clock, newId, defer }) => {
    const db = createDatabase({
      uri: config.DATABASE_URL,
      applicationName: 'shipping',
      onIdleError: (error) => logger.warn({ err: error }, 'a database connection broke'),
    });
    defer('database', () => db.close());
    const { BUS_URL: busUrl, RABBITMQ_URL: rabbitmqUrl } = config;
    const transport = await createTransport({ name: 'shipping', busUrl, rabbitmqUrl, logger, metrics });
    defer('message transport', () => transport.close());
    const relay = createRelay({ db, transport, logger, metrics });
    defer('relay', () => relay.close());

    const outbox = createOutbox({ source: 'shipping', clock, newId, onCommit: relay.nudge });
    const { handlers, subscriptions } = createShippingApp({ db, outbox, newId });
    relay.start();
    const consumer = createConsumer({
      name: 'shipping',
      db,
      transport,
      handlers: subscriptions,
      retry: ORDER_MESSAGE_RETRY,
      logger,
      metrics,
    });
    await consumer.start();
    defer('consumer', () => consumer.close());
    return { handlers, readiness: { database: databaseReadiness(db) } };
  },
});
