import { databaseReadiness, runService } from '@flotilla/http';
import { createDatabase } from '@flotilla/postgres';
import { createShippingApp } from './app.ts';
import { readConfig } from './config.ts';
import { createShipmentStore } from './shipment-store.ts';

await runService({
  name: 'shipping',
  readConfig,
  start: ({ config, logger, newId, defer }) => {
    const db = createDatabase({
      uri: config.DATABASE_URL,
      applicationName: 'shipping',
      onIdleError: (error) => logger.warn({ err: error }, 'a database connection broke'),
    });
    defer('database', () => db.close());
    const { handlers } = createShippingApp({ store: createShipmentStore(db, newId) });
    return { handlers, readiness: { database: databaseReadiness(db) } };
  },
});
