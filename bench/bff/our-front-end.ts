/** The shop's front end for browsers with somebody signed in, before services that are all in one process. */
import { createTestIssuer } from '@flotilla/auth/testing';
import { createForwarder, createHttpClient, createHttpHost } from '@flotilla/http';
import { systemClock } from '@flotilla/kernel';
import { createDatabase } from '@flotilla/postgres';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { createWebBffApp } from '../../shop/web-bff/src/app.ts';
import { runProgram } from '../program.ts';

export interface FrontEndSettings {
  readonly uri: string;
  readonly partsPort: number;
  readonly token: string;
}

const ORIGIN = 'https://shop.test';
const TOKEN_SECONDS = 900;

await runProgram(async ({ uri, partsPort, token }: FrontEndSettings) => {
  const db = createDatabase({ uri, applicationName: 'bench' });
  const quiet = { logger: silentLogger, metrics: createMetrics() };
  const pick = async (service: string) => ({ id: 'parts-1', service, host: '127.0.0.1', port: partsPort });
  const client = createHttpClient({ ...quiet, service: 'parts', pick });
  const forwarder = createForwarder({ ...quiet, service: 'parts', pick });
  const { bff, handlers, rawRoutes } = createWebBffApp({
    ...quiet,
    ...{ db, refreshDb: db, clock: systemClock, origin: ORIGIN, frontendDirectory: undefined },
    issuer: { url: ORIGIN, clientId: 'web-app', clientSecret: undefined, scope: 'openid' },
    keys: createTestIssuer().keys,
    encryptionKey: Buffer.alloc(32, 7),
    upstreams: [{ prefix: '/orders', forwarder }],
    ...{ orders: client, inventory: client, recommendation: client },
  });
  const user = { id: 'alice', name: 'Alice', email: 'alice@example.com', tenantId: null };
  const tokens = { accessToken: token, refreshToken: undefined, expiresInSeconds: TOKEN_SECONDS };
  const id = await bff.sessions.begin(user, 'session', tokens);
  const host = createHttpHost({
    ...{ ...quiet, service: 'web-bff', handlers, rawRoutes, readiness: {}, load: false },
  });
  const { port } = await host.listen();
  return {
    commands: {
      port: async () => port,
      cookie: async () => `__Host-fl-sid=${id}`,
      cpu: async () => process.cpuUsage(),
    },
    close: async () => {
      await host.close();
      await Promise.all([client.close(), forwarder.close()]);
      await db.close();
    },
  };
});
