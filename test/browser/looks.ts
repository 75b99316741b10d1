import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import {
  axe,
  fillAddress,
  pay,
  putIntoBasket,
  type ShopInBrowser,
  signUpAndIn,
  type Visitor,
} from './shop-in-browser.ts';

const THEMES = ['light', 'dark'] as const;
const WIDTHS = [320, 375, 640, 900, 1_280, 1_920, 2_560];

const quiet = (page: Page) => page.locator('.skeleton').first().waitFor({ state: 'detached' });

/** Each page and state, one after the other, so that whoever comes along can look at it. */
async function tour(visitor: Visitor, look: (state: string) => Promise<void>): Promise<void> {
  const { page, go } = visitor;
  const see = async (path: string, state = path) => {
    await go(path);
    await quiet(page);
    await look(state);
  };
  await see('/');
  await see('/search');
  await see('/search?q=steel&sort=-price&min=20&max=90&stock=1');
  await see('/search?q=nothing-is-called-so', 'no results');
  await see('/p/sku-0002');
  await see('/p/sku-soldout', 'sold out');
  await see('/p/no-such-thing', 'no such product');
  await see('/basket', 'an empty basket');
  await see('/checkout', 'checkout of a guest');
  await see('/purchases', 'orders of a guest');
  await see('/account', 'account of a guest');
  await see('/no-such-page', 'no such page');
  await signUpAndIn(page);
  await see('/purchases', 'no orders');
  await putIntoBasket(page, 'sku-0002');
  await look('added');
  await see('/basket', 'a basket');
  await see('/checkout', 'checkout');
  await fillAddress(page);
  await pay(page, 'A card that is declined');
  await page.getByRole('heading', { name: 'This order was cancelled.' }).waitFor();
  await look('a declined order');
  await page.goto('/checkout');
  await fillAddress(page);
  await pay(page, 'A slow bank');
  await page.getByRole('button', { name: 'Cancel this order' }).click();
  await page.getByRole('dialog').waitFor();
  await look('a dialog');
  await page.keyboard.press('Escape');
  await page.getByRole('heading', { name: 'It’s yours.' }).waitFor();
  await look('a confirmed order');
  await see('/purchases', 'orders');
  await see('/account', 'account');
  await see('/', 'home of a user');
}

/** Contents wider than the window: somebody would have to scroll sideways. */
async function isTooWide(page: Page): Promise<boolean> {
  return await page.evaluate(
    () => document.documentElement.scrollWidth > document.documentElement.clientWidth,
  );
}

export function looks(shop: () => ShopInBrowser): void {
  describe('each page and state', () => {
    for (const colorScheme of THEMES) {
      it(`can be used by everybody (${colorScheme}), and fits every screen`, async () => {
        // Who wants no motion has none: colours are compared when they are what they will be.
        const visitor = await shop().visit({ colorScheme, reducedMotion: 'reduce' });
        const { page } = visitor;
        const found: string[] = [];
        await tour(visitor, async (state) => {
          found.push(...(await axe(page)).map((violation) => `${state}: ${violation}`));
          const widths = colorScheme === 'light' ? WIDTHS : [320];
          for (const width of widths) {
            await page.setViewportSize({ width, height: 800 });
            if (await isTooWide(page)) found.push(`${state}: too wide at ${width} px`);
          }
          await page.setViewportSize({ width: 1_280, height: 800 });
        });
        assert.deepEqual(found, []);
        await visitor.leave();
      });
    }

    it('moves nothing for those who want that, and fits at 200 %', async () => {
      // A browser that enlarges to 200 % has half as many pixels to lay out.
      const visitor = await shop().visit({
        ...{ viewport: { width: 640, height: 400 }, deviceScaleFactor: 2, reducedMotion: 'reduce' },
      });
      const { page, go } = visitor;
      for (const path of ['/', '/search', '/p/sku-0001', '/basket', '/account']) {
        await go(path);
        assert.equal(await isTooWide(page), false, path);
        const moving = await page.evaluate(() => document.getAnimations().length);
        assert.equal(moving, 0, path);
      }
      await visitor.leave();
    });

    it('has a title, one main heading, and data for search engines', async () => {
      const { page, go, leave } = await shop().visit();
      const titles = new Set<string>();
      for (const path of ['/', '/search', '/p/sku-0001', '/basket', '/account']) {
        await go(path);
        await page.waitForFunction(() => document.title.includes('·'));
        titles.add(await page.title());
        assert.equal(await page.locator('h1').count(), 1, path);
      }
      assert.equal(titles.size, 5);
      await go('/p/sku-0001');
      const data = JSON.parse(
        (await page.locator('script[type="application/ld+json"]').textContent()) ?? '{}',
      );
      assert.equal(data['@type'], 'Product');
      assert.equal(data.offers.price, '24.90');
      assert.match((await page.locator('link[rel=canonical]').getAttribute('href')) ?? '', /\/p\/sku-0001$/);
      await leave();
    });

    it('leads to no dead link, and complains about nothing', async () => {
      const visitor = await shop().visit();
      const { page, takeComplaints, leave } = visitor;
      const { url } = shop().system;
      await signUpAndIn(page);
      const [seen, toSee] = [
        new Set<string>(),
        ['/', '/robots.txt', '/favicon.svg', '/manifest.webmanifest'],
      ];
      const dead: string[] = [];
      for (let path = toSee.shift(); path !== undefined && seen.size < 60; path = toSee.shift()) {
        if (seen.has(path)) continue;
        seen.add(path);
        const answer = await page.goto(path);
        if (!answer?.ok()) dead.push(`${path}: ${answer?.status()}`);
        if (!answer?.headers()['content-type']?.includes('html') || path === '/docs') continue;
        await page.locator('main h1').first().waitFor();
        await quiet(page);
        const links = await page
          .locator('a[href]')
          .evaluateAll((all) => all.map((one) => (one as HTMLAnchorElement).href));
        toSee.push(
          ...links
            .filter((link) => link.startsWith(`${url}/`))
            .map((link) => link.slice(url.length).replace(/#.*/, '')),
        );
      }
      assert.ok(seen.size > 20, `only ${seen.size} links`);
      assert.deepEqual(dead, []);
      const ofShop = takeComplaints().filter((complaint) => !complaint.endsWith('/docs'));
      assert.deepEqual(ofShop, []);
      await leave();
    });
  });
}
