import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import {
  enterCredentials,
  fillAddress,
  pay,
  putIntoBasket,
  type ShopInBrowser,
  signIn,
} from './shop-in-browser.ts';

export function sessions(shop: () => ShopInBrowser): void {
  describe('a session', () => {
    it('takes over what a guest has put into the basket, the larger quantity of each', async () => {
      const { page, account, leave, takeComplaints } = await shop().arrive(['sku-0012']);
      await page.goto('/account');
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByRole('heading', { name: 'Sign in, or create an account' }).waitFor();
      for (const id of ['sku-0012', 'sku-0012', 'sku-0013']) await putIntoBasket(page, id);
      await page.goto('/basket');
      await page.getByRole('button', { name: 'Sign in and check out' }).click();
      await enterCredentials(page, account.email, account.password);
      await page.waitForURL('**/checkout');
      await page.getByText('2 × Salad spinner').waitFor();
      await page.getByText(/1 × Linen tea towels/).waitFor();
      assert.deepEqual(takeComplaints(), []);
      await leave();
    });

    it('is the same in two tabs: what one does to the basket, the other shows', async () => {
      const { page, context, leave } = await shop().arrive();
      const other = await context.newPage();
      await other.goto('/basket');
      await other.getByText('It is empty so far.').waitFor();
      await putIntoBasket(page, 'sku-0014');
      await other.getByRole('link', { name: 'Glass storage jars' }).first().waitFor();
      await other.getByRole('button', { name: 'Remove Glass storage jars' }).click();
      await page
        .getByRole('navigation', { name: 'Shop' })
        .getByText(', empty')
        .waitFor({ state: 'attached' });
      await page.goto('/account');
      await page.getByRole('button', { name: 'Sign out' }).click();
      await other.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
      await leave();
    });

    it('exchanges its tokens once when they are used up, whatever the tabs, and all of them are served', async () => {
      const { page, context, account, leave } = await shop().arrive();
      const tabs = [page, ...(await Promise.all([1, 2, 3].map(() => context.newPage())))];
      await Promise.all(tabs.map((tab) => tab.goto('/robots.txt')));
      const { sql } = shop().system;
      const [user] = await sql('identity', `SELECT id FROM account WHERE email = '${account.email}'`);
      const ofUser = `WHERE subject = '${user?.['id']}'`;
      await sql('web-bff', `UPDATE bff_session SET access_expires_at = now() ${ofUser}`);
      const askForAll = () =>
        Promise.all(
          ['/bff/user', '/cart', '/orders', '/me', '/me/sessions'].map(
            async (path) => (await fetch(path, { headers: { 'X-CSRF': '1' } })).status,
          ),
        );
      const exchanges = async () => {
        const rows = await sql('web-bff', `SELECT version - 1 AS made FROM bff_session ${ofUser}`);
        return rows.map(({ made }) => made);
      };
      // What a replica knows of a session is a second old at most: until then the tokens of before are.
      await eventually('the tokens are used up', async () => {
        const statuses = await Promise.all(tabs.map((tab) => tab.evaluate(askForAll)));
        assert.deepEqual([...new Set(statuses.flat())], [200]);
        return (await exchanges())[0] !== 0;
      });
      assert.deepEqual(await exchanges(), [1]);
      await leave();
    });

    it('that was ended elsewhere is over here as soon as somebody does something, and nothing is lost', async () => {
      const [here, there] = [await shop().arrive(['sku-0015']), await shop().visit()];
      const { account } = here;
      await there.page.goto('/account');
      await signIn(there.page, account);
      const signOut = there.page.getByRole('button', { name: /^Sign out of/ });
      await eventually('the session of here is shown there', async () => {
        await there.page.goto('/account');
        await signOut.or(there.page.getByText('This cannot be shown')).first().waitFor();
        return await signOut.first().isVisible();
      });
      await signOut.first().click();
      await signOut.first().waitFor({ state: 'detached' }); // it was done
      const over = here.page.getByText('Please sign in to check out.');
      await eventually('it is over here', async () => {
        await here.page.goto('/checkout');
        await over
          .or(here.page.getByRole('button', { name: /^Pay/ }))
          .first()
          .waitFor();
        return await over.isVisible();
      });
      await here.page.locator('.empty').getByRole('button', { name: 'Sign in' }).click();
      await enterCredentials(here.page, account.email, account.password);
      await here.page.waitForURL('**/checkout');
      await fillAddress(here.page);
      await pay(here.page);
      await Promise.all([here.leave(), there.leave()]);
    });

    it('ends at the next question when its cookie is gone, and the page says so', async () => {
      const { page, context, leave } = await shop().arrive();
      await page.goto('/purchases');
      await page.getByText('You have not ordered anything yet.').waitFor();
      await context.clearCookies();
      await page.reload();
      await page.getByText('Please sign in to see your orders.').waitFor();
      await leave();
    });

    it('is there for whoever comes by a link of another site, also after a reload', async () => {
      const { page, account, leave, takeComplaints } = await shop().arrive();
      const mail = createServer((_request, response) =>
        response
          .setHeader('content-type', 'text/html')
          .end(`<a href="${shop().system.url}/purchases">Your order</a>`),
      ).listen(0, '127.0.0.1');
      await once(mail, 'listening');
      try {
        const { port } = mail.address() as AddressInfo;
        await page.goto(`http://localhost:${port}/`); // another site than 127.0.0.1
        takeComplaints();
        await page.getByRole('link', { name: 'Your order' }).click();
        for (const _ of ['at first', 'after a reload']) {
          await page.getByRole('link', { name: account.name }).waitFor();
          await page.getByText('Please sign in').waitFor({ state: 'hidden' });
          await page.reload();
        }
        assert.deepEqual(takeComplaints(), []);
      } finally {
        mail.close();
      }
      await leave();
    });

    it('comes back to local pages alone', async () => {
      const { page, leave } = await shop().visit();
      await page.goto(`/bff/login?returnUrl=${encodeURIComponent('/\\evil.example')}`);
      await enterCredentials(page, 'bob@example.com', 'bob-password');
      assert.equal(page.url(), `${shop().system.url}/`);
      await leave();
    });
  });
}
