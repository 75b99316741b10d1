import { readFile } from 'node:fs/promises';
import { createDatabase } from '@flotilla/postgres';
import { readEnvironment, runTask, secret, taskError } from '@flotilla/process';
import { createCouponStore } from '../coupon-store.ts';
import { importPrices, readPrices } from '../features/import-prices.ts';
import { createRulesStore } from '../rules-store.ts';

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
  return taskError('TASK_REFUSED', `${file} is not usable, nothing was changed:${shown.join('')}${more}\n`);
}

await runTask({
  service: 'pricing',
  name: 'import-prices',
  readConfig: (env) => readEnvironment(env, { DATABASE_URL: secret() }),
  run: async ({ config, args, say, defer }) => {
    const [file, ...rest] = args;
    if (file === undefined || rest.length > 0)
      throw taskError('TASK_USAGE', 'usage: import-prices <JSON file>');
    const prices = readPrices(await readText(file));
    if (!prices.ok) throw refusal(file, prices.rejection);
    const db = createDatabase({
      uri: config.DATABASE_URL,
      applicationName: 'import-prices',
      maxConnections: 1,
    });
    defer('database', db.close);
    const stores = { rules: createRulesStore(db), coupons: createCouponStore(db) };
    const { promotions, prices: listed, coupons, known, orphans } = await importPrices(stores, prices.value);
    say(`${promotions} promotions and ${listed} prices set, ${coupons} coupons issued.`);
    if (known.length > 0) say(`Issued before, and left as they are: ${known.join(', ')}`);
    if (orphans.length > 0)
      throw taskError('TASK_REFUSED', `Not issued, their promotion does not exist: ${orphans.join(', ')}`);
  },
});
