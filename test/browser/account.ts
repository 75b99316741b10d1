import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { fillAddress, type ShopInBrowser } from './shop-in-browser.ts';

const panel = (page: Page, name: string) => page.getByRole('region', { name });

export function account(shop: () => ShopInBrowser): void {
  describe('an account', () => {
    it('says what is wrong with a field beside it, in words of people', async () => {
      const { page, leave } = await shop().visit();
      await page.goto('/account');
      await page.getByLabel('Name').fill('Dora');
      await page.getByLabel('E-mail').fill('dora@nowhere');
      await page.getByLabel('Password').fill('seven green bicycles');
      await page.getByRole('button', { name: 'Create my account' }).click();
      await page.getByText('Please enter an e-mail address, such as name@example.com.').waitFor();
      await page.getByLabel('E-mail').fill('alice@example.com');
      await page.getByLabel('Password').fill('1234');
      await page.getByRole('button', { name: 'Create my account' }).click();
      await page.getByText('Please choose a longer or less common password.').waitFor();
      await leave();
    });

    it('has details that are changed, as long as nobody else has changed them meanwhile', async () => {
      const { page, context, leave } = await shop().arrive();
      await page.goto('/account');
      const other = await context.newPage();
      await other.goto('/account');
      const [here, there] = [panel(page, 'Your details'), panel(other, 'Your details')];
      await there.getByLabel('Name').waitFor();
      await here.getByLabel('Name').fill('Dora Explores');
      await here.getByLabel('Language of mails').selectOption('de');
      await here.getByLabel('parcels on their way').uncheck();
      await here.getByRole('button', { name: 'Save changes' }).click();
      await here.getByText('Saved', { exact: true }).waitFor();
      await page.getByRole('navigation', { name: 'Shop' }).getByText('Dora Explores').waitFor();
      await there.getByLabel('Name').fill('Theodora');
      await there.getByRole('button', { name: 'Save changes' }).click();
      await there.getByText('changed in another window or on another device').waitFor();
      assert.equal(await there.getByLabel('Name').inputValue(), 'Theodora', 'what was typed is there');
      assert.equal(await there.getByLabel('Language of mails').inputValue(), 'de', 'and what was changed');
      await there.getByRole('button', { name: 'Discard my changes' }).click();
      assert.equal(await there.getByLabel('Name').inputValue(), 'Dora Explores');
      await there.getByLabel('Name').fill('Theodora');
      await there.getByRole('button', { name: 'Save changes' }).click();
      await there.getByText('Saved', { exact: true }).waitFor();
      await page.reload();
      await here.getByLabel('Name').waitFor();
      assert.equal(await here.getByLabel('Name').inputValue(), 'Theodora');
      assert.ok(!(await here.getByLabel('parcels on their way').isChecked()));
      await leave();
    });

    it('keeps addresses that are added, edited, preferred and removed, and fills the default in at checkout', async () => {
      const { page, leave } = await shop().arrive(['sku-0016']);
      await page.goto('/account');
      const addresses = panel(page, 'Addresses');
      const add = async (name: string) => {
        await addresses.getByRole('button', { name: 'Add an address' }).click();
        await addresses.getByLabel('Name').fill(name);
        await fillAddress(page, addresses);
        await addresses.getByRole('button', { name: 'Save address' }).click();
        await addresses.getByText(name, { exact: true }).waitFor();
      };
      await add('Home');
      await add('Office');
      const [home, office] = ['Home', 'Office'].map((name) =>
        addresses.getByRole('listitem').filter({ hasText: name }),
      ) as [ReturnType<Page['locator']>, ReturnType<Page['locator']>];
      await home.getByText('Default', { exact: true }).waitFor();
      await office.getByRole('button', { name: 'Make default' }).click();
      await office.getByText('Default', { exact: true }).waitFor();
      await home.getByRole('button', { name: 'Edit' }).click();
      await addresses.getByLabel('City').fill(' ');
      await addresses.getByRole('button', { name: 'Save address' }).click();
      await addresses.getByText('Please fill in this field.').waitFor();
      await addresses.getByLabel('City').fill('Linz');
      await addresses.getByRole('button', { name: 'Save address' }).click();
      await home.getByText('8010 Linz').waitFor();
      await page.goto('/checkout');
      await page.getByRole('button', { name: /^Office/ }).waitFor();
      assert.equal(await page.getByLabel('Name').inputValue(), 'Office');
      await page.goto('/account');
      await office.getByRole('button', { name: 'Remove' }).click();
      await office.waitFor({ state: 'detached' });
      await leave();
    });
  });
}
