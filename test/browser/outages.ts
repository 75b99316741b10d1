import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { fillAddress, pay, putIntoBasket, type ShopInBrowser, signUpAndIn } from './shop-in-browser.ts';

/** What a signed-in person with something in the basket still sees while a service is away. */
const OUTAGES: Readonly<Record<string, (page: Page) => Promise<void>>> = {
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
  inventory: async (page) => {
    await page.goto('/purchases');
    await page.locator('h1').getByText('Your orders').waitFor();
    await page.goto('/p/sku-0021');
    await page
      .getByText('This product cannot be shown')
      .or(page.getByRole('heading', { name: 'Linen' }))
      .or(page.locator('h1'))
      .first()
      .waitFor();
  },
  notification: async (page) => {
    await page.goto('/search');
    await page.getByRole('link', { name: /Pour-over/ }).waitFor();
  },
};

export function outages(shop: () => ShopInBrowser): void {
  describe('without one of its services', () => {
    for (const [service, look] of Object.entries(OUTAGES)) {
      it(`the shop stays useful: ${service}`, async () => {
        const { page, leave } = await shop().visit();
        await signUpAndIn(page);
        await putIntoBasket(page, 'sku-0020');
        await shop().system.change(service, 'stop');
        try {
          await look(page);
        } finally {
          await shop().system.change(service, 'start');
        }
        await leave();
      });
    }

    it('an order that waits for payment or shipping is shown as it is, and confirmed when they are back', async () => {
      const { page, leave } = await shop().visit();
      await signUpAndIn(page);
      for (const service of ['payment', 'shipping']) {
        await putIntoBasket(page, 'sku-0022');
        await shop().system.change(service, 'stop');
        try {
          await page.goto('/checkout');
          await fillAddress(page);
          await pay(page);
          await page.getByRole('heading', { name: 'Thank you for your order.' }).waitFor();
        } finally {
          await shop().system.change(service, 'start');
        }
        await page.getByRole('heading', { name: 'It’s yours.' }).waitFor();
        await page
          .getByRole('navigation', { name: 'Shop' })
          .getByText(', empty')
          .waitFor({ state: 'attached' });
      }
      await leave();
    });

    it('an open page lives on while web-bff is replaced', async () => {
      const { page, leave } = await shop().visit();
      await signUpAndIn(page);
      await page.goto('/search');
      await page.getByRole('link', { name: /Pour-over/ }).waitFor();
      await shop().system.restart('web-bff');
      await shop().system.awaitInstance('web-bff', 'is back', ({ state }) => state === 'Running');
      await page.getByRole('link', { name: /Pour-over/ }).click();
      await page.getByRole('heading', { name: 'Pour-over coffee dripper' }).waitFor();
      await page.getByRole('button', { name: 'Add to basket' }).click();
      await page.getByText('Added', { exact: true }).waitFor();
      await leave();
    });
  });
}
