import { databaseReadiness } from '@flotilla/http';
import { createOutbox, createRelay, createTransport } from '@flotilla/messaging';
import { createDatabase } from '@flotilla/postgres';
import { runService } from '@flotilla/service';
import { createIdentityApp } from './app.ts';
import { readConfig } from './config.ts';
import { keepUp } from './upkeep.ts';

/** Much shorter than a new key is published before it signs. */
const UPKEEP_MS = 5 * 60_000;

await runService({
  name: 'identity',
  readConfig,
  start: async (context) => {
    const { config, env, logger, metrics, clock, newId } = context;
    const db = createDatabase({
      uri: config.DATABASE_URL,
      applicationName: env.instanceId,
      onIdleError: (err) => logger.warn({ err }, 'an idle database connection broke'),
    });
    context.defer('database', db.close);
    const { BUS_URL: busUrl, RABBITMQ_URL: rabbitmqUrl } = config;
    const transport = await createTransport({ name: 'identity', busUrl, rabbitmqUrl, logger, metrics });
    context.defer('message transport', () => transport.close());
    const relay = createRelay({ db, transport, logger, metrics });
    relay.start();
    context.defer('outbox relay', () => relay.close());

    const { handlers, verifyToken, keys } = await createIdentityApp({
      db,
      outbox: createOutbox({ source: 'identity', clock, newId, onCommit: () => relay.nudge() }),
      logger,
      clock,
      newId,
      issuer: config.ISSUER,
      audience: env.audience,
      keyEncryptionKey: config.KEY_ENCRYPTION_KEY,
      serviceClients: config.SERVICE_CLIENTS,
      accountTokenSeconds: config.ACCESS_TOKEN_SECONDS,
      demo: env.demo,
    });
    context.every('upkeep', UPKEEP_MS, () => keepUp({ db, keys }));
    return { handlers, verifyToken, readiness: { database: databaseReadiness(db) } };
  },
});
