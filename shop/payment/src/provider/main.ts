import { databaseReadiness } from '@flotilla/http';
import { createDatabase } from '@flotilla/postgres';
import { runService } from '@flotilla/service';
import { readProviderConfig } from '../config.ts';
import { createApiKeyVerifier } from './api-key.ts';
import { createProviderApp } from './app.ts';
import { createChargeStore } from './charge-store.ts';

await runService({
  name: 'payment-provider',
  readConfig: readProviderConfig,
  start: ({ config, logger, clock, newId, defer }) => {
    const db = createDatabase({
      uri: config.DATABASE_URL,
      applicationName: 'payment-provider',
      onIdleError: (error) => logger.warn({ err: error }, 'a database connection broke'),
    });
    defer('database', () => db.close());
    const { handlers } = createProviderApp({ store: createChargeStore(db, newId), clock });
    return {
      handlers,
      verifyToken: createApiKeyVerifier(config.PROVIDER_API_KEY),
      readiness: { database: databaseReadiness(db) },
    };
  },
});
