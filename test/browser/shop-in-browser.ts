import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { eventually } from '@flotilla/kernel/testing';
import type { Browser, BrowserContext, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { launchBrowser } from '../chromium.ts';
import { type RunningSystem, startSystem } from '../system/running-system.ts';
import { type Account, arrive, newAccount } from './arrival.ts';

/** The whole shop and a browser, for all suites of this folder. */
export interface ShopInBrowser {
  readonly system: RunningSystem;
  /** A person with a browser of their own: no cookies, nothing stored. What the browser complains about is a failure at the end. */
  visit(options?: BrowserContextOptions): Promise<Visitor>;
  /** A new customer who is signed in and has these products in the basket, one each, on no page yet. */
  arrive(basket?: readonly string[], options?: BrowserContextOptions): Promise<Customer>;
  close(): Promise<void>;
}

export interface Visitor {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Errors in the browser's console and exceptions of pages, since the last look. */
  takeComplaints(): readonly string[];
  go(path: string): Promise<void>;
  leave(): Promise<void>;
}

export interface Customer extends Visitor {
  readonly account: Account;
}

/** Only tells a hang apart: machines that run tests are busy. */
const PATIENCE_MS = 120_000;

export async function openShop(): Promise<ShopInBrowser> {
  const system = await startSystem();
  const browser = await launchBrowser().catch(async (error: unknown) => {
    await system.stop();
    throw error;
  });
  return shopInBrowser(system, browser);
}

function shopInBrowser(system: RunningSystem, browser: Browser): ShopInBrowser {
  return {
    system,
    visit: (options) => visit(browser, system.url, options),
    arrive: async (basket = [], options = {}) => {
      const account = newAccount();
      const storageState = await arrive(system.url, account, basket);
      return { account, ...(await visit(browser, system.url, { ...options, storageState })) };
    },
    close: async () => {
      await browser.close();
      await system.stop();
    },
  };
}

async function visit(
  browser: Browser,
  baseURL: string,
  options: BrowserContextOptions = {},
): Promise<Visitor> {
  // What moves is drawn sixty times a second, by the processors: only who looks for it has it.
  const usual = { viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce' } as const;
  const context = await browser.newContext({ baseURL, ...usual, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const complaints: string[] = [];
  context.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`${message.text()} ${message.location().url}`);
  });
  context.on('weberror', (error) => complaints.push(String(error.error())));
  return {
    context,
    page,
    takeComplaints: () => complaints.splice(0),
    go: async (path) => {
      await page.goto(path);
      await page.locator('main h1').first().waitFor();
    },
    leave: () => context.close(),
  };
}

/** By the button that is on every page. */
export async function signIn(page: Page, { email, password }: Account): Promise<void> {
  await page.getByRole('navigation', { name: 'Shop' }).getByRole('button', { name: 'Sign in' }).click();
  await enterCredentials(page, email, password);
}

/** On the shop's sign-in page, and back. */
export async function enterCredentials(page: Page, email: string, password: string): Promise<void> {
  await page.getByLabel('E-mail address').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('main#content').waitFor();
}

/** Somebody new, by the pages for that; ends signed in at `/`. */
export async function signUpAndIn(page: Page, account = newAccount()): Promise<Account> {
  await page.goto('/account');
  await page.getByLabel('Name').fill(account.name);
  await page.getByLabel('E-mail').fill(account.email);
  await page.getByLabel('Password').fill(account.password);
  await page.getByRole('button', { name: 'Create my account' }).click();
  await page.getByRole('button', { name: 'Sign in now' }).click();
  await enterCredentials(page, account.email, account.password);
  await page.getByRole('link', { name: account.name }).waitFor();
  return account;
}

/** Tries again when the shop says that it could not: a service that was just started may not be found yet. */
export async function putIntoBasket(page: Page, id: string): Promise<void> {
  await page.goto(`/p/${id}`);
  const added = page.getByText('Added', { exact: true });
  await eventually('it is in the basket', async () => {
    await page.getByRole('button', { name: 'Add to basket' }).click();
    await added.or(page.getByRole('alert').getByText('Not added.')).first().waitFor();
    return await added.isVisible();
  });
}

/** `within`: where there are more fields of that name than these. */
export async function fillAddress(page: Page, within: Page | Locator = page): Promise<void> {
  await within.getByLabel('Street and number').fill('1 Main Street');
  await within.getByLabel('Postal code').fill('8010');
  await within.getByLabel('City').fill('Graz');
}

/** Pays what the page says with one of the test cards; resolves on the page of the order. */
export async function pay(page: Page, card = 'A card that works'): Promise<string> {
  await page.getByRole('radio', { name: card }).check();
  await page.getByRole('button', { name: /^Pay €/ }).click();
  await page.waitForURL(/\/purchases\/./);
  return new URL(page.url()).pathname.split('/').at(-1) ?? '';
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** What axe finds wrong with the page as it is, a line each: by these rules, or by all. */
export async function axe(page: Page, rules?: readonly string[]): Promise<readonly string[]> {
  // By the debugger, not as an inline script of the page, which its policy refuses.
  if (await page.evaluate(() => !('axe' in window))) await page.evaluate(AXE);
  const options = { resultTypes: ['violations'], preload: false, ...(rules && { runOnly: rules }) };
  const violations = await page.evaluate<readonly Violation[]>(
    `axe.run(document, ${JSON.stringify(options)}).then(({ violations }) => violations)`,
  );
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(
      ({ html, failureSummary = '' }) => `${id}: ${html.slice(0, 150)} ${failureSummary.slice(0, 200)}`,
    ),
  );
}
