import { createGrpcServer } from '@flotilla/grpc';
import { databaseReadiness } from '@flotilla/http';
import { createConsumer, createOutbox, createRelay, createTransport } from '@flotilla/messaging';
import { createDatabase } from '@flotilla/postgres';
import { runService } from '@flotilla/service';
import { ORDER_MESSAGE_RETRY } from '@shop/contracts';
import { createInventoryApp } from './app.ts';
import { readConfig } from './config.ts';

await runService({
  name: 'inventory',
  readConfig,
  start: async (context) => {
    const { config, env, logger, metrics, clock, newId, verifyToken, defer } = context;
    const db = createDatabase({
      uri: config.DATABASE_URL,
      applicationName: 'inventory',
      onIdleError: (error) => logger.warn({ err: error }, 'a database connection broke'),
    });
    defer('database', () => db.close());
    const { BUS_URL: busUrl, RABBITMQ_URL: rabbitmqUrl } = config;
    const transport = await createTransport({ name: 'inventory', busUrl, rabbitmqUrl, logger, metrics });
    defer('message transport', () => transport.close());
    const relay = createRelay({ db, transport, logger, metrics });
    defer('relay', () => relay.close());

    const app = createInventoryApp({
      db,
      outbox: createOutbox({ source: 'inventory', clock, newId, onCommit: relay.nudge }),
      clock,
      logger,
      metrics,
      reservationTtlSeconds: config.RESERVATION_TTL_SECONDS,
      expiryIntervalMs: config.RESERVATION_EXPIRY_INTERVAL_MS,
    });
    if (env.demo) await app.addDemoProducts();
    context.background('expiry of reservations', app.expireReservations);
    relay.start();
    const consumer = createConsumer({
      name: 'inventory',
      db,
      transport,
      handlers: app.subscriptions,
      // Each order in a transaction of its own: together they would lock rows of stock in any order and deadlock.
      maxBatch: 1,
      retry: ORDER_MESSAGE_RETRY,
      logger,
      metrics,
    });
    await consumer.start();
    defer('consumer', () => consumer.close());
    return {
      handlers: app.handlers,
      alsoBelow: '/api',
      grpc: createGrpcServer({ services: app.grpcServices, verifyToken, logger, metrics }),
      readiness: { database: databaseReadiness(db) },
    };
  },
});
