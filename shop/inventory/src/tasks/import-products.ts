import { readFile } from 'node:fs/promises';
import { createDatabase } from '@flotilla/postgres';
import { readEnvironment, runTask, secret, taskError } from '@flotilla/process';
import { importProducts, readProducts } from '../features/import-products.ts';
import { createPostgresCatalogueStore } from '../postgres-catalogue-store.ts';

const MOST_SHOWN = 50;

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw taskError('TASK_REFUSED', `${file} cannot be read: ${(error as Error).message}`);
  }
}

function refusal(file: string, problems: readonly string[]) {
  const shown = problems.slice(0, MOST_SHOWN).map((problem) => `\n  ${problem}`);
  const more = problems.length > MOST_SHOWN ? `\n  and ${problems.length - MOST_SHOWN} more` : '';
  const text = `${file} is not usable, nothing was changed:${shown.join('')}${more}\n`;
  return taskError('TASK_REFUSED', text);
}

await runTask({
  service: 'inventory',
  name: 'import-products',
  readConfig: (env) => readEnvironment(env, { DATABASE_URL: secret() }),
  run: async ({ config, args, say, defer }) => {
    const [file, ...rest] = args;
    if (file === undefined || rest.length > 0)
      throw taskError('TASK_USAGE', 'usage: import-products <JSON file>');
    const products = readProducts(await readText(file));
    if (!products.ok) throw refusal(file, products.rejection);
    const db = createDatabase({
      uri: config.DATABASE_URL,
      applicationName: 'import-products',
      maxConnections: 1,
    });
    defer('database', db.close);
    const catalogue = createPostgresCatalogueStore(db);
    const { added, changed } = await importProducts({ catalogue }, products.value);
    const unchanged = products.value.length - added - changed;
    say(`${added} added, ${changed} changed, ${unchanged} unchanged. What was there keeps its stock.`);
  },
});
