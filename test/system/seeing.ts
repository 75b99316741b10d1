import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser, noBrowser } from '../chromium.ts';
import type { RunningSystem } from './running-system.ts';

/** The console of a running system, driven in a browser. */
export const seeing = (running: () => RunningSystem) => (): void => {
  let browser: Browser;
  let page: Page;

  before(async () => {
    if (noBrowser) return;
    browser = await launchBrowser();
    page = await browser.newPage({ viewport: { width: 1_440, height: 900 } });
    page.setDefaultTimeout(30_000);
  });
  after(() => browser?.close());

  async function openConsole(): Promise<URL> {
    const link = new URL((await running().cli('console')).trim());
    await page.goto(link.href);
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    return link;
  }

  async function confirm(reason: string): Promise<void> {
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('textbox').fill(reason);
    await dialog.getByRole('button').last().click();
    await dialog.waitFor({ state: 'hidden' });
  }

  it('rebuilds a read model and ends a session from its pages', { skip: noBrowser }, async () => {
    const { origin } = await openConsole();
    await page.goto(`${origin}/streams`);
    await page.getByRole('button', { name: 'rebuild order_view' }).click();
    await confirm('to see that it can be done');
    await page.getByText(/Done: it is (running|done)/).waitFor();
    await running().newcomer();
    await page.goto(`${origin}/identity?search=newcomer`);
    await page.locator('main td a').first().click();
    await page.getByRole('button', { name: 'end' }).first().click();
    await confirm('a lost phone');
    await page.getByText('Done.').waitFor();
  });

  it('lacks no part of a page while everything runs', async () => {
    for (const path of ['/', '/messages', '/streams', '/gateways', '/discovery', '/edges', '/identity']) {
      const text = await running().cli('console', path, '--json');
      assert.doesNotMatch(text, /"ok":\s*false|"missing":\s*\[\s*\{/, path);
    }
  });

  it('prints what is on a page, for programs', async () => {
    const shown = JSON.parse(await running().cli('console', '/gateways', '--json')) as {
      readonly gateways: readonly {
        readonly routes: { readonly ok: boolean; readonly value: readonly unknown[] };
      }[];
    };
    assert.ok((shown.gateways[0]?.routes.value.length ?? 0) > 20, JSON.stringify(shown).slice(0, 300));
    const slos = JSON.parse(await running().cli('console', '/slos')) as { readonly slos: readonly object[] };
    assert.equal(slos.slos.length, 5);
  });
};
