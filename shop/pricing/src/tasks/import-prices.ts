import { createDatabase } from '@flotilla/postgres';
import { readEnvironment, readTaskFile, runTask, secret, taskError } from '@flotilla/process';
import { createCouponStore } from '../coupon-store.ts';
import { importPrices, readPrices } from '../features/import-prices.ts';
import { createRulesStore } from '../rules-store.ts';

await runTask({
  service: 'pricing',
  name: 'import-prices',
  readConfig: (env) => readEnvironment(env, { DATABASE_URL: secret() }),
  run: async ({ config, args, say, defer }) => {
    const [file, ...rest] = args;
    if (file === undefined || rest.length > 0)
      throw taskError('TASK_USAGE', 'usage: import-prices <JSON file>');
    const prices = await readTaskFile(file, readPrices);
    const db = createDatabase({
      uri: config.DATABASE_URL,
      applicationName: 'import-prices',
      maxConnections: 1,
    });
    defer('database', db.close);
    const stores = { rules: createRulesStore(db), coupons: createCouponStore(db) };
    const { promotions, prices: listed, coupons, known, orphans } = await importPrices(stores, prices);
    say(`${promotions} promotions and ${listed} prices set, ${coupons} coupons issued.`);
    if (known.length > 0) say(`Issued before, and left as they are: ${known.join(', ')}`);
    if (orphans.length > 0)
      throw taskError('TASK_REFUSED', `Not issued, their promotion does not exist: ${orphans.join(', ')}`);
  },
});
