import { openBus, openDatabase, runService } from '@flotilla/service';
import { createIdentityApp } from './app.ts';
import { readConfig } from './config.ts';
import { keepUp } from './upkeep.ts';

/** Much shorter than a new key is published before it signs. */
const UPKEEP_MS = 5 * 60_000;

await runService({
  name: 'identity',
  readConfig,
  start: async (service) => {
    const { config, env, logger, clock, newId } = service;
    const db = openDatabase(service);
    const bus = await openBus(service, db);
    const { handlers, verifyToken, keys } = await createIdentityApp({
      ...{ db, outbox: bus.openOutbox(), logger, clock, newId },
      issuer: config.ISSUER,
      audience: env.audience,
      keyEncryptionKey: config.KEY_ENCRYPTION_KEY,
      serviceClients: config.SERVICE_CLIENTS,
      accountTokenSeconds: config.ACCESS_TOKEN_SECONDS,
      demo: env.demo,
    });
    service.every('upkeep', UPKEEP_MS, () => keepUp({ db, keys }));
    return { handlers, verifyToken };
  },
});
