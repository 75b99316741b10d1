import { openBus, openDatabase, runService } from '@flotilla/service';
import { createNotificationApp } from './app.ts';
import { readConfig } from './config.ts';
import { createSmtpServer } from './smtp.ts';

await runService({
  name: 'notification',
  readConfig,
  start: async (service) => {
    const { config, logger, metrics, clock } = service;
    const db = openDatabase(service);
    const bus = await openBus(service, db);
    const url = config.SMTP_URL;
    const server = url === undefined ? undefined : await createSmtpServer({ url, from: config.MAIL_FROM });
    const { handlers, subscriptions, sender } = await createNotificationApp({
      ...{ db, clock, logger, metrics, server },
    });
    if (sender) service.background('mail sender', sender.run);
    await bus.consume(subscriptions);
    return { handlers };
  },
});
