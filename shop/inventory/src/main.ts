import { createGrpcServer } from '@flotilla/grpc';
import { databaseReadiness, runService } from '@flotilla/http';
import { createDatabase } from '@flotilla/postgres';
import { createInventoryApp } from './app.ts';
import { readConfig } from './config.ts';

await runService({
  name: 'inventory',
  readConfig,
  start: async ({ config, env, logger, metrics, clock, verifyToken, defer, background }) => {
    const db = createDatabase({
      uri: config.DATABASE_URL,
      applicationName: 'inventory',
      onIdleError: (error) => logger.warn({ err: error }, 'a database connection broke'),
    });
    defer('database', () => db.close());

    const app = createInventoryApp({
      db,
      clock,
      logger,
      metrics,
      reservationTtlSeconds: config.RESERVATION_TTL_SECONDS,
      expiryIntervalMs: config.RESERVATION_EXPIRY_INTERVAL_MS,
    });
    if (env.demo) await app.addDemoProducts();
    background('expiry of reservations', app.expireReservations);
    return {
      handlers: app.handlers,
      rawRoutes: app.rawRoutes,
      grpc: createGrpcServer({ services: app.grpcServices, verifyToken, logger, metrics }),
      readiness: { database: databaseReadiness(db) },
    };
  },
});
