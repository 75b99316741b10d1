import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { type Customer, fillAddress, pay, type ShopInBrowser, type Visitor } from './shop-in-browser.ts';

const IN_BASKET = 'Cotton cushion cover 45 cm'; // sku-0020

/** What a signed-in person with something in the basket still sees while a service is away, and a guest. */
const OUTAGES: Readonly<Record<string, (page: Page, guest: Page) => Promise<void>>> = {
  recommendation: async (page) => {
    await page.goto('/p/sku-0020');
    await page.getByRole('button', { name: 'Add to basket' }).waitFor();
  },
  order: async (page) => {
    await page.goto('/');
    await page
      .getByRole('link', { name: /Pour-over/ })
      .first()
      .waitFor();
    await page.goto('/purchases');
    await page.getByText('Your orders cannot be shown').waitFor();
    await page.getByRole('button', { name: /^Try again/ }).waitFor();
  },
  cart: async (page) => {
    await page.goto('/basket');
    await page.getByText('Your basket cannot be shown').waitFor();
    await page.goto('/search?q=steel');
    await page.getByText('8 products').waitFor();
    await page.getByRole('button', { name: /^Add Salad spinner/ }).click();
    await page.getByRole('alert').getByText('Not added.').waitFor();
  },
  pricing: async (page) => {
    await page.goto('/checkout');
    await page.getByText('The price cannot be calculated').waitFor();
    assert.ok(await page.getByRole('button', { name: 'Pay' }).isDisabled());
  },
  inventory: async (page, guest) => {
    await Promise.all([page.goto('/p/sku-0021'), guest.goto('/')]);
    await page.getByText('This product cannot be shown').waitFor();
    await guest.getByText('The catalogue cannot be shown').waitFor();
    await page.goto('/purchases');
    await page.getByText('You have not ordered anything yet.').waitFor();
  },
  identity: async (page, guest) => {
    await page.goto('/account');
    await page.getByText('Your sessions cannot be shown').waitFor();
    await page.goto('/basket');
    await page.getByRole('link', { name: IN_BASKET }).first().waitFor();
    await guest.goto('/account');
    await guest.getByRole('navigation', { name: 'Shop' }).getByRole('button', { name: 'Sign in' }).click();
    await guest.getByRole('heading', { name: 'Signing in is not possible right now' }).waitFor();
    await guest.getByRole('link', { name: 'Home' }).click();
    await guest
      .getByRole('link', { name: /Pour-over/ })
      .first()
      .waitFor();
  },
  user: async (page) => {
    await page.goto('/account');
    await page.getByText('Your details cannot be shown').waitFor();
    await page.getByText('This device').waitFor();
    await page.goto('/checkout');
    await fillAddress(page);
    assert.ok(await page.getByRole('button', { name: /^Pay €/ }).isEnabled());
  },
  notification: async (page) => {
    await page.goto('/search');
    await page.getByRole('link', { name: /Pour-over/ }).waitFor();
  },
};

export function outages(shop: () => ShopInBrowser): void {
  describe('without one of its parts', () => {
    let visitor: Customer;
    let guest: Visitor;
    before(async () => {
      [visitor, guest] = await Promise.all([shop().arrive(['sku-0020']), shop().visit()]);
    });
    after(() => Promise.all([visitor?.leave(), guest?.leave()]));

    for (const [service, look] of Object.entries(OUTAGES))
      it(`the shop stays useful: ${service}`, async () => {
        await shop().system.change(service, 'stop');
        try {
          await look(visitor.page, guest.page);
        } finally {
          await shop().system.change(service, 'start');
        }
      });

    it('nobody is said to be signed out because the database of sessions is away', async () => {
      const { page, account } = visitor;
      // By another database: nobody connects to this one.
      const sql = (text: string) => shop().system.sql('payment', text);
      await sql('ALTER DATABASE "web-bff" CONNECTION LIMIT 0');
      await sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'web-bff'");
      try {
        await page.goto('/');
        await page
          .getByRole('link', { name: /Pour-over/ })
          .first()
          .waitFor();
        for (const path of ['/purchases', '/account']) {
          await page.goto(path);
          await page.getByText('We cannot see whether you are signed in').waitFor();
        }
        await page.goto('/basket');
        await page.getByText('Your basket cannot be shown').waitFor();
      } finally {
        await sql('ALTER DATABASE "web-bff" CONNECTION LIMIT -1');
      }
      await page.getByRole('button', { name: /^Try again/ }).click();
      await page.getByRole('link', { name: account.name }).waitFor();
      await page.getByRole('link', { name: IN_BASKET }).first().waitFor();
    });

    it('an order that waits for payment and for shipping is shown as it is, and confirmed when they are back', async () => {
      const { page, leave } = await shop().arrive(['sku-0022']);
      const { system } = shop();
      await Promise.all([system.change('payment', 'stop'), system.change('shipping', 'stop')]);
      try {
        await page.goto('/checkout');
        await fillAddress(page);
        await pay(page);
        await page.getByRole('heading', { name: 'Thank you for your order.' }).waitFor();
        await system.change('payment', 'start');
        await page.locator('[aria-current=step]').getByText('Paid').waitFor();
      } finally {
        await Promise.all([system.change('payment', 'start'), system.change('shipping', 'start')]);
      }
      await page.getByRole('heading', { name: 'It’s yours.' }).waitFor();
      await page
        .getByRole('navigation', { name: 'Shop' })
        .getByText(', empty')
        .waitFor({ state: 'attached' });
      await leave();
    });

    it('an open page lives on while web-bff is replaced, also by one that no longer has its parts', async () => {
      const { page, context } = visitor;
      await page.goto('/search');
      await page.getByRole('link', { name: /Pour-over/ }).waitFor();
      await shop().system.restart('web-bff');
      await shop().system.awaitInstance('web-bff', 'is back', ({ state }) => state === 'Running');
      // Parts of the build before are served: see what installs a build.
      await page.getByRole('link', { name: /Pour-over/ }).click();
      await page.getByRole('heading', { name: 'Pour-over coffee dripper' }).waitFor();
      const gone = '**/assets/basket-*.js';
      await context.route(gone, (route) => route.fulfill({ status: 404 }));
      await page.getByRole('link', { name: /^Basket/ }).click();
      await page.getByText('This page could not be shown').waitFor();
      await context.unroute(gone); // the document of the new build names parts that there are
      await page.getByRole('button', { name: 'Load it again' }).click();
      await page.getByRole('heading', { name: 'Your basket' }).waitFor();
      await page.getByRole('link', { name: IN_BASKET }).first().waitFor();
    });
  });
}
