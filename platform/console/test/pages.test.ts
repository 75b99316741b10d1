import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Browser, chromium, type Page } from 'playwright-core';
import { createConsoleServer, createTickets } from '../src/index.ts';
import { build } from '../ui/build-pages.ts';
import { ORDER, sampleDeps } from './sample-deps.ts';
import { fillTelemetry } from './sample-telemetry.ts';

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const PAGES = [
  '/',
  '/records/orders',
  `/records/orders/${ORDER}`,
  '/sagas',
  `/sagas/order/${ORDER}`,
  '/messages',
];
const MORE_PAGES = [
  ...['/messages/notification', '/services', '/services/order', '/traces', '/logs', '/audit'],
  ...['/streams', `/streams/order/order-${ORDER}`, '/invariants', '/gateways', '/gateways?url=/orders/7'],
  ...['/gateways/gateway-1/orders', '/discovery', '/edges', '/identity', '/slos', '/metrics'],
  ...['/identity/01935f3e-0000-7000-8000-0000000000a1', '/metrics/http.server.request.duration'],
];

describe('the pages of the console', { skip: !existsSync(CHROMIUM) && 'there is no Chromium here' }, () => {
  const tickets = createTickets('a secret of the test, which is long enough');
  const telemetry = fillTelemetry();
  const sample = { ...sampleDeps(), telemetry: () => telemetry.reader };
  const pages = join(telemetry.folder, 'pages');
  const server = createConsoleServer({ deps: sample, tickets, pages, onError: () => undefined });
  const problems: string[] = [];
  let browser: Browser;
  let page: Page;
  let url: string;

  before(async () => {
    await build(pages);
    url = await server.listen(0);
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
    page = await browser.newPage({ viewport: { width: 1_360, height: 860 } });
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    await page.goto(`${url}/#login=${tickets.issueLogin('operator', Date.now())}`);
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
  });
  after(async () => {
    await browser?.close();
    await server.close();
    sample.close();
    telemetry.close();
  });

  async function open(path: string): Promise<void> {
    await page.goto(`${url}${path}`);
    await page.locator('main .panel').first().waitFor();
  }

  it('take the link out of the address as soon as it was used', () => {
    assert.equal(new URL(page.url()).hash, '');
  });

  /** What keeps somebody from using a page as it is shown now. */
  async function faultsOf(path: string): Promise<readonly string[]> {
    await open(path);
    await page.evaluate(AXE_SOURCE);
    const found = (await page.evaluate(AXE)) as readonly string[];
    const over = Number(await page.evaluate('document.documentElement.scrollWidth - innerWidth'));
    return over > 0 ? [...found, `${over} pixels too wide`] : found;
  }

  for (const colorScheme of ['light', 'dark'] as const)
    for (const width of [1_360, 400])
      it(`are usable by everybody, ${colorScheme}, ${width} pixels wide`, async () => {
        const folder = process.env['SCREENSHOTS'];
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 860 });
        const wrong: string[] = [];
        for (const path of [...PAGES, ...MORE_PAGES, `/traces/${telemetry.traceId}`]) {
          wrong.push(...(await faultsOf(path)).map((fault) => `${path}: ${fault}`));
          const name = `${path.replaceAll('/', '_')}-${colorScheme}-${width}.png`;
          if (folder) await page.screenshot({ path: join(folder, name) });
        }
        await page.setViewportSize({ width: 1_360, height: 860 });
        assert.deepEqual([...wrong, ...problems], []);
      });

  it('lead to pages that are there, by every link', async () => {
    const waiting = ['/'];
    const seen = new Set<string>();
    let filtered = 0;
    for (let path = waiting.pop(); path !== undefined && seen.size < 60; path = waiting.pop()) {
      if (seen.has(path)) continue;
      seen.add(path);
      await open(path);
      assert.equal(await page.locator('.notice.bad').count(), 0, path);
      // What a link of a trace filters by is what the page of logs filters by.
      if (path.startsWith('/logs?trace=')) {
        await page.locator('main .log > div').first().waitFor();
        filtered += 1;
      }
      const links = await page.locator('main a, nav a').evaluateAll(HREFS);
      waiting.push(...links);
    }
    assert.ok(seen.size > 15 && filtered > 0, `${seen.size} pages, ${filtered} filtered by a trace`);
  });

  it('go by the keyboard', async () => {
    await open('/');
    await page.keyboard.press('g');
    await page.keyboard.press('t');
    await page.getByRole('heading', { name: 'Traces', level: 1 }).waitFor();
    await page.locator('main input[type="search"]').first().waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('POST');
    await page.waitForURL(/name=POST/);
  });

  it('find a span of a trace by the keys that find, also one that is not drawn', async () => {
    await open(`/traces/${telemetry.traceId}`);
    await page.keyboard.press('Control+f');
    await page.keyboard.type('>1h');
    await page.waitForURL(/find=/);
    assert.equal(await page.evaluate('document.activeElement.getAttribute("aria-label")'), 'Find spans');
  });

  it('offer no change to somebody who may only look', async () => {
    const withChanges = [
      ...[`/sagas/order/${ORDER}`, '/messages/notification', '/services', '/streams', '/gateways'],
      ...['/gateways/gateway-1/orders', '/edges', '/identity'],
    ];
    const changes = /^(retry|redrive|rebuild|skip|resume|reload|eject|inject|rotate|stop|restart)\b/i;
    const context = await browser.newContext();
    const viewer = await context.newPage();
    await viewer.goto(`${url}/#login=${tickets.issueLogin('viewer', Date.now())}`);
    await viewer.getByText('Signed in as alice, to look').waitFor();
    const offered = (who: Page) => who.locator('main').getByRole('button', { name: changes });
    for (const path of withChanges) {
      await Promise.all([page, viewer].map((who) => who.goto(`${url}${path}`)));
      await offered(page).first().waitFor();
      await viewer.locator('main .panel').first().waitFor();
      await viewer.locator('main').getByText('Loading …').first().waitFor({ state: 'detached' });
      assert.equal(await offered(viewer).count(), 0, path);
    }
    await context.close();
  });

  it('have somebody find a stuck order, see why, and repair it', async () => {
    await open('/');
    await page.getByRole('link', { name: /stuck sagas/ }).click();
    await page.getByRole('link', { name: ORDER }).click();
    await page.getByText('SHIPPING_UNAVAILABLE').first().waitFor();
    await page.getByRole('button', { name: 'Retry', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('ship is tried again now').waitFor();
    await dialog.getByRole('textbox').fill('shipping is back');
    await dialog.getByRole('button', { name: 'Retry' }).click();
    await page.getByText('Done: it is completed.').waitFor();
    assert.deepEqual(
      sample.orders.map(({ verb, by, reason, expectedChanges }) => [verb, by, reason, expectedChanges]),
      [['retry', 'alice', 'shipping is back', 7]],
    );
    await open('/audit');
    await page.getByText('shipping is back').waitFor();
  });

  it('hand out what was given up again, by its cause', async () => {
    await open('/messages');
    await page.getByRole('link', { name: /mail server refused/ }).click();
    await page.getByRole('button', { name: 'Redrive all shown' }).click();
    await page.getByRole('dialog').getByRole('textbox').fill('the mail server is back');
    await page.getByRole('dialog').getByRole('button', { name: 'Redrive 1' }).click();
    await page.getByText('None is left.').waitFor();
  });

  it('show nothing to somebody who is not signed in', async () => {
    const stranger = await browser.newPage();
    await stranger.goto(`${url}/sagas`);
    await stranger.getByText('nobody is signed in').waitFor();
    await stranger.close();
  });
});

/** Links of pictures are others than those of text. */
const HREFS = (all: readonly { getAttribute(name: string): string | null }[]) =>
  all.flatMap((link) => link.getAttribute('href') ?? []);

const AXE_SOURCE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds, as far as a person has to act on it. */
const AXE = `axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html.slice(0, 120)).join(' | ')))`;
