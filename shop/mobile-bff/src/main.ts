import { readEnvironment } from '@flotilla/process';
import { openClient, runService } from '@flotilla/service';
import { createMobileBffApp } from './app.ts';

await runService({
  name: 'mobile-bff',
  readConfig: (env) => readEnvironment(env, {}),
  start: (service) => {
    const orders = openClient(service, 'order');
    const inventory = openClient(service, 'inventory');
    return { handlers: createMobileBffApp({ orders, inventory, logger: service.logger }) };
  },
});
