import { createDatabase } from '@flotilla/postgres';
import { optional, readEnvironment, readTaskFile, runTask, secret, taskError } from '@flotilla/process';
import { silentLogger } from '@flotilla/telemetry';
import { MONGODB_URL } from '../config.ts';
import { importProducts, readProducts } from '../features/import-products.ts';
import { openStores } from '../open-stores.ts';

await runTask({
  service: 'inventory',
  name: 'import-products',
  readConfig: (env) =>
    readEnvironment(env, { DATABASE_URL: secret(), INVENTORY_MONGODB_URL: optional(MONGODB_URL) }),
  run: async ({ config, args, clock, newId, say, defer }) => {
    const [file, ...rest] = args;
    if (file === undefined || rest.length > 0)
      throw taskError('TASK_USAGE', 'usage: import-products <JSON file>');
    const products = await readTaskFile(file, readProducts);
    const db = createDatabase({
      uri: config.DATABASE_URL,
      applicationName: 'import-products',
      maxConnections: 1,
    });
    defer('database', db.close);
    const { catalogue } = await openStores(
      { config, clock, newId, defer, logger: silentLogger, readyWhen: () => undefined },
      db,
    );
    const { added, changed } = await importProducts({ catalogue }, products);
    const unchanged = products.length - added - changed;
    say(`${added} added, ${changed} changed, ${unchanged} unchanged. What was there keeps its stock.`);
  },
});
