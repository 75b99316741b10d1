import { openClient, runService } from '@flotilla/service';
import { createMobileBffApp } from './app.ts';
import { readConfig } from './config.ts';

await runService({
  name: 'mobile-bff',
  readConfig,
  start: (service) => {
    const orders = openClient(service, 'order');
    const inventory = openClient(service, 'inventory');
    return { handlers: createMobileBffApp({ orders, inventory, logger: service.logger }) };
  },
});
