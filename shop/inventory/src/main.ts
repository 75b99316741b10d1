import { createGrpcServer } from '@flotilla/grpc';
import { openBus, openDatabase, runService } from '@flotilla/service';
import { ORDER_MESSAGE_RETRY } from '@shop/contracts';
import { createInventoryApp } from './app.ts';
import { readConfig } from './config.ts';
import { openStores } from './open-stores.ts';

await runService({
  name: 'inventory',
  readConfig,
  start: async (service) => {
    const { config, env, logger, metrics, clock, verifyToken } = service;
    const db = openDatabase(service);
    const bus = await openBus(service, db);
    const { stock, catalogue } = await openStores(service, db);
    const app = createInventoryApp({
      ...{ stock, catalogue, outbox: bus.openOutbox(), clock, logger, metrics },
      reservationTtlSeconds: config.RESERVATION_TTL_SECONDS,
      expiryIntervalMs: config.RESERVATION_EXPIRY_INTERVAL_MS,
    });
    if (env.demo) await app.addDemoProducts();
    service.background('expiry of reservations', app.expireReservations);
    // Each order in a transaction of its own: together they would lock rows of stock in any order and deadlock.
    await bus.consume(app.subscriptions, { maxBatch: 1, retry: ORDER_MESSAGE_RETRY });
    return {
      handlers: app.handlers,
      alsoBelow: '/api',
      grpc: createGrpcServer({
        service: 'inventory',
        services: app.grpcServices,
        reflection: env.demo,
        verifyToken,
        logger,
        metrics,
      }),
    };
  },
});
