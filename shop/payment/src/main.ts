import { createHttpClient, databaseReadiness, runService } from '@flotilla/http';
import { createDatabase } from '@flotilla/postgres';
import { createPaymentApp } from './app.ts';
import { readConfig } from './config.ts';
import { createHttpPaymentProvider } from './http-payment-provider.ts';
import { createPaymentStore } from './payment-store.ts';

await runService({
  name: 'payment',
  readConfig,
  start: ({ config, logger, metrics, clock, newId, pick, defer, background }) => {
    const db = createDatabase({
      uri: config.DATABASE_URL,
      applicationName: 'payment',
      onIdleError: (error) => logger.warn({ err: error }, 'a database connection broke'),
    });
    defer('database', () => db.close());
    const client = createHttpClient({
      service: 'payment-provider',
      pick,
      logger,
      metrics,
      token: config.PROVIDER_API_KEY,
    });
    defer('provider client', () => client.close());

    const app = createPaymentApp({
      store: createPaymentStore(db, newId),
      provider: createHttpPaymentProvider(client),
      clock,
      newId,
      random: Math.random,
      logger,
      metrics,
    });
    background('resolver of open payments', app.resolveOpenPayments);
    return { handlers: app.handlers, readiness: { database: databaseReadiness(db) } };
  },
});
