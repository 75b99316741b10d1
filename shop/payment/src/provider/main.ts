import { openDatabase, runService } from '@flotilla/service';
import { readProviderConfig } from '../config.ts';
import { createApiKeyVerifier } from './api-key.ts';
import { createProviderApp } from './app.ts';
import { createChargeStore } from './charge-store.ts';

await runService({
  name: 'payment-provider',
  readConfig: readProviderConfig,
  start: (service) => {
    const { config, clock, newId } = service;
    const store = createChargeStore(openDatabase(service), newId);
    const { handlers } = createProviderApp({ store, clock });
    return { handlers, verifyToken: createApiKeyVerifier(config.PROVIDER_API_KEY) };
  },
});
