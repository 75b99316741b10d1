import { join } from 'node:path';
import { createHttpHost, type HttpHost } from '@flotilla/http';
import { type Clock, systemClock, uuidv7 } from '@flotilla/kernel';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { createApiKeyVerifier } from './api-key.ts';
import { createProviderApp } from './app.ts';
import { createChargeStore } from './charge-store.ts';

export const API_KEY = 'provider-key-for-tests';

export interface TestProvider {
  readonly database: TestDatabase;
  /** Where it listens; the same port after a restart. */
  address(): string;
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** The provider on a real database and a real port, for tests of whoever calls it. `clock`: how long its slow charges take. */
export async function startTestProvider(clock: Clock = systemClock): Promise<TestProvider> {
  const database = await createTestDatabase([
    { name: 'payment-provider', directory: join(import.meta.dirname, '../migrations') },
  ]);
  const { handlers } = createProviderApp({
    store: createChargeStore(database.db, uuidv7),
    clock,
  });
  let host: HttpHost | undefined;
  let port = 0;
  const start = async () => {
    host = createHttpHost({
      service: 'payment-provider',
      handlers,
      verifyToken: createApiKeyVerifier(API_KEY),
      logger: silentLogger,
      metrics: createMetrics(),
      readiness: {},
      drainTimeoutMs: 50,
    });
    ({ port } = await host.listen({ port }));
  };
  const stop = async () => await host?.close();
  await start();
  return {
    database,
    address: () => `127.0.0.1:${port}`,
    start,
    stop,
    close: async () => {
      await stop();
      await database.close();
    },
  };
}
