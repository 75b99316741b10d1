import { openBus, openDatabase, runService } from '@flotilla/service';
import { createIdentityApp } from './app.ts';
import { readConfig } from './config.ts';
import { endExpired, keepUp } from './upkeep.ts';

/** Much shorter than a new key is published before it signs. */
const UPKEEP_MS = 5 * 60_000;

await runService({
  name: 'identity',
  readConfig,
  start: async (service) => {
    const { config, env, logger, clock, newId } = service;
    const db = openDatabase(service);
    const bus = await openBus(service, db);
    const app = await createIdentityApp({
      ...{ db, outbox: bus.openOutbox(), logger, clock, newId },
      issuer: config.ISSUER,
      audience: env.audience,
      keyEncryptionKey: config.KEY_ENCRYPTION_KEY,
      serviceClients: config.SERVICE_CLIENTS,
      clients: config.OIDC_CLIENTS,
      accountTokenSeconds: config.ACCESS_TOKEN_SECONDS,
      demo: env.demo,
    });
    await bus.consume(app.subscriptions);
    service.every('upkeep', UPKEEP_MS, () => keepUp({ db, app }));
    service.every('expired sessions', 30_000, () => endExpired(app));
    service.every('reset links', 500, async () => void (await app.sendResetLinks()));
    service.every('logout notices', 500, async () => void (await app.notices.deliver()));
    const { handlers, rawRoutes, verifyToken } = app;
    return { handlers, rawRoutes, verifyToken };
  },
});
