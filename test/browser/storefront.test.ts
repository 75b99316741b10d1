import { after, before, describe } from 'node:test';
import { noBrowser } from '../chromium.ts';
import { account } from './account.ts';
import { buying } from './buying.ts';
import { following } from './following.ts';
import { looks } from './looks.ts';
import { outages } from './outages.ts';
import { sessions } from './sessions.ts';
import { openShop, type ShopInBrowser } from './shop-in-browser.ts';

/** One shop and one browser for all: both take seconds to start. */
describe('the storefront in a browser', { skip: noBrowser }, () => {
  let shop: ShopInBrowser;
  before(async () => {
    shop = await openShop();
  });
  after(() => shop?.close());

  buying(() => shop);
  account(() => shop);
  sessions(() => shop);
  following(() => shop);
  looks(() => shop);
  outages(() => shop);
});
