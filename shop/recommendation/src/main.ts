import { openBus, openClient, openDatabase, runService } from '@flotilla/service';
import { createRecommendationApp } from './app.ts';
import { createCatalogue } from './catalogue.ts';
import { readConfig } from './config.ts';

await runService({
  name: 'recommendation',
  readConfig,
  start: async (service) => {
    const { newId, logger, metrics } = service;
    const db = openDatabase(service);
    const bus = await openBus(service, db);
    const catalogue = createCatalogue(openClient(service, 'inventory', { scope: 'inventory.read' }));
    const app = createRecommendationApp({ db, catalogue, newId, logger, metrics });
    service.defer('projections', () => app.projections.close());
    app.projections.start();
    await bus.consume(app.subscriptions);
    return { handlers: app.handlers };
  },
});
