import { openDatabase, runService } from '@flotilla/service';
import { createApiKeyVerifier } from './api-key.ts';
import { createProviderApp } from './app.ts';
import { createChargeStore } from './charge-store.ts';
import { readConfig } from './config.ts';

await runService({
  name: 'payment-provider',
  readConfig,
  start: (service) => {
    const { config, clock, newId } = service;
    const store = createChargeStore(openDatabase(service), newId);
    const { handlers } = createProviderApp({ store, clock });
    return { handlers, verifyToken: createApiKeyVerifier(config.PROVIDER_API_KEY) };
  },
});
