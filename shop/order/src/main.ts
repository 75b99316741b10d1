import { openBus, openClient, openDatabase, runService } from '@flotilla/service';
import { ORDER_MESSAGE_RETRY } from '@shop/contracts';
import { createOrderApp } from './app.ts';
import { readConfig } from './config.ts';
import { legacyOver } from './remote-legacy.ts';
import { connectParticipants } from './remote-participants.ts';

const SECOND_MS = 1_000;
const ASK_AGAIN_MS = 5_000;
const HOUR_MS = 3_600_000;

await runService({
  name: 'order',
  readConfig,
  start: async (service) => {
    const { config, env, logger, metrics, clock, newId } = service;
    const db = openDatabase(service, { maxConnections: 12 });
    const bus = await openBus(service, db);
    const app = createOrderApp({
      ...{ db, outbox: bus.openOutbox(), clock, newId, logger, metrics },
      participants: connectParticipants(service),
      legacy: legacyOver(openClient(service, 'legacy', { scope: 'legacy.write', timeoutMs: 3_000 })),
      instanceId: env.instanceId,
      orderDeadlineMs: config.ORDER_DEADLINE_SECONDS * SECOND_MS,
      flow: config.ORDER_FLOW,
    });
    service.defer('sagas', () => app.sagas.close());
    service.defer('projections', () => app.projections.close());
    app.sagas.run();
    app.projections.start();
    await bus.consume(app.subscriptions, { retry: ORDER_MESSAGE_RETRY });
    service.every('cancel overdue orders', SECOND_MS, app.cancelOverdue);
    service.every('ask again about orders that stand still', ASK_AGAIN_MS, app.askStandingStill);
    service.every('move legacy orders', SECOND_MS, () => app.moveLegacyOrders(AbortSignal.timeout(HOUR_MS)));
    service.every('forget old keys', HOUR_MS, () => app.forgetOldKeys(config.IDEMPOTENCY_KEY_DAYS));
    return { handlers: app.handlers, alsoBelow: '/api' };
  },
});
