import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { axe, fillAddress, pay, type ShopInBrowser, type Visitor } from './shop-in-browser.ts';

const WIDTHS = [320, 375, 640, 900, 1_280, 1_920, 2_560]; // at 200 % a window of 1,280 pixels is one of 640
/** Whether something can be used does not depend on the theme, but for these. */
const RULES_OF_THEMES = ['color-contrast', 'link-in-text-block'];

const quiet = (page: Page) => page.locator('.skeleton').first().waitFor({ state: 'detached' });

type Look = (state: string) => Promise<void>;

async function see({ page, go }: Visitor, look: Look, path: string, state = path): Promise<void> {
  await go(path);
  await quiet(page);
  await look(state);
}

/** Each page and state that a guest sees, one after the other, so that whoever comes along can look at it. */
async function tourOfGuest(visitor: Visitor, look: Look): Promise<void> {
  const { page } = visitor;
  await see(visitor, look, '/');
  await see(visitor, look, '/search');
  await see(visitor, look, '/search?q=steel&sort=-price&min=20&max=90&stock=1');
  await see(visitor, look, '/search?q=nothing-is-called-so', 'no results');
  await see(visitor, look, '/p/sku-soldout', 'sold out');
  await see(visitor, look, '/basket', 'an empty basket');
  await see(visitor, look, '/checkout', 'checkout of a guest');
  await see(visitor, look, '/purchases', 'orders of a guest');
  await see(visitor, look, '/account', 'account of a guest');
  await see(visitor, look, '/p/sku-0002');
  await page.getByRole('button', { name: 'Add to basket' }).click();
  await page.getByText('Added', { exact: true }).waitFor();
  await look('added');
  await see(visitor, look, '/basket', 'a basket');
}

/** Each that somebody sees who is signed in, has something in the basket, and orders it. */
async function tourOfCustomer(visitor: Visitor, look: Look): Promise<void> {
  const { page } = visitor;
  await see(visitor, look, '/purchases', 'no orders');
  await see(visitor, look, '/checkout', 'checkout');
  await fillAddress(page);
  await pay(page, 'A card that is declined');
  await page.getByRole('heading', { name: 'This order was cancelled.' }).waitFor();
  await look('a declined order');
  await page.getByRole('link', { name: 'try another card' }).click();
  await pay(page);
  await page.getByRole('heading', { name: 'It’s yours.' }).waitFor();
  await look('a confirmed order');
  await see(visitor, look, '/purchases', 'orders');
  await see(visitor, look, '/account', 'account');
  await see(visitor, look, '/', 'home of a user');
}

/** What would keep somebody from using the page as it is, a line each. */
export async function faultsOf(page: Page): Promise<readonly string[]> {
  const found = [...(await axe(page))];
  const still = await page.evaluate(() => ({
    moving: document.getAnimations().length,
    headings: document.querySelectorAll('h1').length,
    title: document.title,
  }));
  // Who wants no motion has none.
  if (still.moving > 0) found.push(`${still.moving} animations`);
  if (still.headings !== 1) found.push(`${still.headings} main headings`);
  if (!still.title.includes('·')) found.push(`the title ${still.title}`);
  await page.emulateMedia({ colorScheme: 'dark' });
  found.push(...(await axe(page, RULES_OF_THEMES)).map((violation) => `in the dark: ${violation}`));
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 800 });
    // Contents wider than the window: somebody would have to scroll sideways.
    const isTooWide = await page.evaluate(
      () => document.documentElement.scrollWidth > document.documentElement.clientWidth,
    );
    if (isTooWide) found.push(`too wide at ${width} px`);
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 1_280, height: 800 });
  return found;
}

const linksOf = (page: Page): Promise<readonly string[]> =>
  page.locator('a[href]').evaluateAll((all) => all.map((one) => (one as HTMLAnchorElement).href));

/** Whether what an address shows is there: the document of a page is, whatever it is about. */
async function statusOf(link: string): Promise<number> {
  const { origin, pathname } = new URL(link);
  const product = /^\/p\/([^/]+)$/.exec(pathname)?.[1];
  const [page, about] = await Promise.all([
    fetch(link, { headers: { accept: 'text/html' } }),
    product === undefined ? undefined : fetch(`${origin}/products/${product}`),
  ]);
  await Promise.all([page.body?.cancel(), about?.body?.cancel()]);
  return about === undefined || !page.ok ? page.status : about.status;
}

export function looks(shop: () => ShopInBrowser): void {
  describe('each page and state', () => {
    it('can be used by everybody in both themes, fits every screen, complains of nothing, and leads to no dead link', async () => {
      const links = new Set<string>();
      const titles = new Map<string, string>();
      const faults: string[] = [];
      const walk = async (visitor: Visitor, tour: typeof tourOfGuest) => {
        await tour(visitor, async (state) => {
          for (const link of await linksOf(visitor.page)) links.add(link.replace(/#.*/, ''));
          titles.set(state, await visitor.page.title());
          const found = [...(await faultsOf(visitor.page)), ...visitor.takeComplaints()];
          faults.push(...found.map((fault) => `${state}: ${fault}`));
        });
        await visitor.leave();
      };
      await walk(await shop().visit({ colorScheme: 'light' }), tourOfGuest);
      await walk(await shop().arrive(['sku-0002'], { colorScheme: 'light' }), tourOfCustomer);
      const named = ['/', '/search', '/p/sku-0002', 'a basket', 'checkout', 'orders', 'account'];
      assert.equal(new Set(named.map((state) => titles.get(state))).size, named.length);
      const { url } = shop().system;
      for (const path of ['/robots.txt', '/favicon.svg', '/manifest.webmanifest', '/sitemap.xml'])
        links.add(url + path);
      // A page of one customer is there for nobody else, and was just seen.
      const own = [...links].filter((link) => link.startsWith(`${url}/`) && !link.includes('/purchases/'));
      assert.ok(own.length > 40, `only ${own.length} links`);
      const statuses = await Promise.all(own.map(statusOf));
      const dead = own
        .map((link, index) => `${link}: ${statuses[index]}`)
        .filter((_, index) => statuses[index] !== 200);
      assert.deepEqual({ faults, dead }, { faults: [], dead: [] });
    });

    it('is one that says so where there is nothing', async () => {
      const visitor = await shop().visit();
      const found: string[] = [];
      const look = async () => void found.push(...(await faultsOf(visitor.page)));
      await see(visitor, look, '/p/no-such-thing');
      await see(visitor, look, '/no-such-page');
      assert.deepEqual(found, []);
      const complaints = visitor.takeComplaints();
      assert.ok(complaints.length > 0 && complaints.every((text) => text.includes('404')), complaints.join());
      await visitor.leave();
    });

    it('tells search engines about a product', async () => {
      const { page, go, leave } = await shop().visit();
      await go('/p/sku-0001');
      const text = await page.locator('script[type="application/ld+json"]').textContent();
      const data = JSON.parse(text ?? '{}');
      assert.deepEqual([data['@type'], data.offers.price], ['Product', '24.90']);
      assert.match((await page.locator('link[rel=canonical]').getAttribute('href')) ?? '', /\/p\/sku-0001$/);
      await leave();
    });
  });
}
