import { createHttpClient, databaseReadiness } from '@flotilla/http';
import { createConsumer, createTransport } from '@flotilla/messaging';
import { createDatabase } from '@flotilla/postgres';
import { runService } from '@flotilla/service';
import { createCartApp } from './app.ts';
import { readConfig } from './config.ts';

const HOUR_MS = 3_600_000;

await runService({
  name: 'cart',
  readConfig,
  start: async (context) => {
    const { config, env, logger, metrics, pick } = context;
    const db = createDatabase({
      uri: config.DATABASE_URL,
      applicationName: env.instanceId,
      onIdleError: (err) => logger.warn({ err }, 'an idle database connection broke'),
    });
    context.defer('database', db.close);
    const token = context.tokens('inventory.read');
    const inventory = createHttpClient({ service: 'inventory', pick, logger, metrics, token });
    context.defer('inventory client', () => inventory.close());
    const orders = createHttpClient({ service: 'order', pick, logger, metrics });
    context.defer('order client', () => orders.close());
    const { handlers, subscriptions, checkouts } = createCartApp({ db, inventory, orders });

    const { BUS_URL: busUrl, RABBITMQ_URL: rabbitmqUrl } = config;
    const transport = await createTransport({ name: 'cart', busUrl, rabbitmqUrl, logger, metrics });
    context.defer('message transport', () => transport.close());
    const consumer = createConsumer({
      name: 'cart',
      db,
      transport,
      handlers: subscriptions,
      logger,
      metrics,
    });
    await consumer.start();
    context.defer('consumer', () => consumer.close());
    context.every('forget old checkouts', HOUR_MS, () => checkouts.forget(config.CHECKOUT_DAYS));
    return { handlers, readiness: { database: databaseReadiness(db) } };
  },
});
