import { createDatabase } from '@flotilla/postgres';
import { readEnvironment, readTaskFile, runTask, secret, taskError } from '@flotilla/process';
import { importProducts, readProducts } from '../features/import-products.ts';
import { createPostgresCatalogueStore } from '../postgres-catalogue-store.ts';

await runTask({
  service: 'inventory',
  name: 'import-products',
  readConfig: (env) => readEnvironment(env, { DATABASE_URL: secret() }),
  run: async ({ config, args, say, defer }) => {
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
    const catalogue = createPostgresCatalogueStore(db);
    const { added, changed } = await importProducts({ catalogue }, products);
    const unchanged = products.length - added - changed;
    say(`${added} added, ${changed} changed, ${unchanged} unchanged. What was there keeps its stock.`);
  },
});
