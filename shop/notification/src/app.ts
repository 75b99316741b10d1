import type { RouteHandler } from '@flotilla/http';
import type { Clock } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { Logger, Metrics } from '@flotilla/telemetry';
import { notificationRoutes } from './http.ts';
import { createMailSender, type MailSender } from './mail-sender.ts';
import { createMailStore } from './mail-store.ts';
import { peopleRoutes } from './people.ts';
import type { MailServer } from './smtp.ts';
import { notificationSubscriptions } from './subscriptions.ts';

export interface NotificationDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Without one, mails are delivered to the mailbox that the service itself shows. */
  readonly server: MailServer | undefined;
}

export interface NotificationApp {
  readonly handlers: readonly RouteHandler[];
  readonly subscriptions: ReturnType<typeof notificationSubscriptions>;
  /** Present when there is a mail server: run it. */
  readonly sender: MailSender | undefined;
}

export async function createNotificationApp(deps: NotificationDeps): Promise<NotificationApp> {
  const { db, clock, logger, metrics, server } = deps;
  const mails = createMailStore(db);
  const sender = server && createMailSender({ mails, server, clock, logger, metrics });
  if (!sender) await mails.deliverQueued();
  const subscriptions = notificationSubscriptions({
    mails,
    delivery: sender ? 'queued' : 'delivered',
    onQueued: () => sender?.nudge(),
  });
  return { handlers: [...notificationRoutes(mails), ...peopleRoutes(db)], subscriptions, sender };
}
