import { createRemoteKeys } from '@flotilla/auth';
import { createForwarder } from '@flotilla/http';
import { openClient, openDatabase, runService, type ServiceContext } from '@flotilla/service';
import { newTrace, runInContext } from '@flotilla/telemetry';
import { endSession, getJwks } from '@shop/contracts';
import { createWebBffApp } from './app.ts';
import { readConfig } from './config.ts';
import { issuerFetch } from './issuer-fetch.ts';
import { UPSTREAMS } from './upstreams.ts';

const HOUR_MS = 3_600_000;
/** An exchange of tokens waits for the one before it, and that for the issuer. */
const EXCHANGE_MS = 20_000;
const DEMO_SECRET = 'web-app-secret';

await runService({
  name: 'web-bff',
  readConfig,
  start: (service) => {
    const { config, env, logger } = service;
    // Without it nobody is signed in; the pages are there all the same, and say so.
    const db = openDatabase(service, { isRequired: false });
    const refreshDb = openDatabase(service, {
      ...{ isRequired: false, maxConnections: 4, statementTimeoutMs: EXCHANGE_MS },
    });
    const identity = openClient(service, 'identity');
    const clientSecret = config.WEB_APP_SECRET ?? (env.demo ? DEMO_SECRET : undefined);
    if (clientSecret === undefined) logger.warn({}, 'WEB_APP_SECRET is not set: nobody can sign in');
    if (config.FRONTEND_DIR === undefined) logger.warn({}, 'FRONTEND_DIR is not set: there are no pages');
    const { handlers, rawRoutes, bff } = createWebBffApp({
      ...service,
      ...{ db, refreshDb },
      origin: new URL(config.ISSUER).origin,
      issuer: {
        url: config.ISSUER,
        clientId: 'web-app',
        clientSecret,
        scope: 'openid profile email orders.read orders.write inventory.read',
        fetch: issuerFetch(service, config.ISSUER),
      },
      keys: createRemoteKeys({
        // Keys serve all requests: the trace and deadline of the one that needs them first must not count.
        fetchJwks: async (signal) => (await apart(() => identity.call(getJwks, {}, { signal }))).body,
        onProblem: (err) => logger.warn({ err }, 'the keys of the issuer could not be loaded'),
      }),
      encryptionKey: config.SESSION_ENCRYPTION_KEY,
      endAtIssuer: async ({ accessToken: token, issuerSession }) => {
        if (issuerSession !== undefined)
          await identity.call(endSession, { params: { id: issuerSession }, token });
      },
      upstreams: UPSTREAMS.map(([prefix, name]) => ({ prefix, forwarder: openForwarder(service, name) })),
      orders: openClient(service, 'order'),
      inventory: openClient(service, 'inventory'),
      recommendation: openClient(service, 'recommendation'),
      frontendDirectory: config.FRONTEND_DIR,
    });
    service.every('forget ended sessions', HOUR_MS, () => bff.sessions.forgetEnded());
    return { handlers, rawRoutes };
  },
});

function apart<T>(work: () => Promise<T>): Promise<T> {
  return runInContext({ trace: newTrace() }, work);
}

function openForwarder(service: ServiceContext<unknown>, name: string) {
  const forwarder = createForwarder({ ...service, service: name });
  service.defer(`forwarder to ${name}`, () => forwarder.close());
  return forwarder;
}
