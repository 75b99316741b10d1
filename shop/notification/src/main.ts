import { databaseReadiness } from '@flotilla/http';
import { createConsumer, createTransport } from '@flotilla/messaging';
import { createDatabase } from '@flotilla/postgres';
import { runService } from '@flotilla/service';
import { createNotificationApp } from './app.ts';
import { readConfig } from './config.ts';
import { createSmtpServer } from './smtp.ts';

await runService({
  name: 'notification',
  readConfig,
  start: async (context) => {
    const { config, env, logger, metrics, clock } = context;
    const db = createDatabase({
      uri: config.DATABASE_URL,
      applicationName: env.instanceId,
      onIdleError: (err) => logger.warn({ err }, 'an idle database connection broke'),
    });
    context.defer('database', db.close);
    const url = config.SMTP_URL;
    const server = url === undefined ? undefined : await createSmtpServer({ url, from: config.MAIL_FROM });
    const app = await createNotificationApp({ db, clock, logger, metrics, server });
    if (app.sender) context.background('mail sender', app.sender.run);

    const { BUS_URL: busUrl, RABBITMQ_URL: rabbitmqUrl } = config;
    const transport = await createTransport({ name: 'notification', busUrl, rabbitmqUrl, logger, metrics });
    context.defer('message transport', () => transport.close());
    const handlers = app.subscriptions;
    const consumer = createConsumer({ name: 'notification', db, transport, handlers, logger, metrics });
    await consumer.start();
    context.defer('consumer', () => consumer.close());
    return { handlers: app.handlers, readiness: { database: databaseReadiness(db) } };
  },
});
