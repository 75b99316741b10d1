import { databaseReadiness } from '@flotilla/http';
import { createConsumer, createOutbox, createRelay, createTransport } from '@flotilla/messaging';
import { createDatabase } from '@flotilla/postgres';
import { runService } from '@flotilla/service';
import { ORDER_MESSAGE_RETRY } from '@shop/contracts';
import { createOrderApp } from './app.ts';
import { readConfig } from './config.ts';
import { connectParticipants } from './remote-participants.ts';

const SECOND_MS = 1_000;
const ASK_AGAIN_MS = 5_000;
const HOUR_MS = 3_600_000;

await runService({
  name: 'order',
  readConfig,
  start: async (context) => {
    const { config, logger, metrics, clock, newId, defer } = context;
    const { instanceId } = context.env;

    const db = createDatabase({
      ...{ uri: config.databaseUrl, applicationName: 'order', maxConnections: 12 },
      onIdleError: (err) => logger.warn({ err }, 'an idle database connection broke'),
    });
    defer('database', () => db.close());
    const { busUrl, rabbitmqUrl } = config;
    const transport = await createTransport({ name: 'order', busUrl, rabbitmqUrl, logger, metrics });
    defer('bus', () => transport.close());
    const relay = createRelay({ db, transport, logger, metrics });
    defer('relay', () => relay.close());

    const participants = connectParticipants(context);
    defer('participants', () => participants.close());

    const app = createOrderApp({
      db,
      outbox: createOutbox({ source: 'order', clock, newId, onCommit: relay.nudge }),
      participants,
      clock,
      newId,
      logger,
      metrics,
      instanceId,
      orderDeadlineMs: config.orderDeadlineMs,
      flow: config.orderFlow,
    });
    defer('sagas', () => app.sagas.close());
    defer('projections', () => app.projections.close());
    const handlers = app.subscriptions;
    const consumer = createConsumer({
      ...{ name: 'order', db, transport, handlers, logger, metrics },
      retry: ORDER_MESSAGE_RETRY,
    });
    relay.start();
    app.sagas.run();
    app.projections.start();
    await consumer.start();
    defer('consumer', () => consumer.close());
    context.every('cancel overdue orders', SECOND_MS, app.cancelOverdue);
    context.every('ask again about orders that stand still', ASK_AGAIN_MS, app.askStandingStill);
    context.every('forget old keys', HOUR_MS, () => app.forgetOldKeys(config.idempotencyKeyDays));
    return {
      handlers: app.handlers,
      alsoBelow: '/api',
      readiness: { database: databaseReadiness(db) },
    };
  },
});
