import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser, noBrowser } from '../chromium.ts';
import { PATIENCE_MS, placeOrder, type RunningSystem } from './running-system.ts';

/** Of spans, as OpenTelemetry counts kinds. */
const SERVER = 2;

interface TraceSpan {
  readonly spanId: string;
  readonly parentId: string | null;
  readonly kind: number;
  readonly name: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

interface MapEdge {
  readonly source: string;
  readonly target: string;
  readonly halves: string;
}

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

  it('leads a newcomer to a stuck order, to why it is stuck, and to its repair', {
    skip: noBrowser,
  }, async () => {
    await running().cli('fault', 'add', 'order→shipping', 'outcome=404:100%');
    try {
      const { body } = await placeOrder(running(), { waitSeconds: 0 });
      const id = body.id ?? '';
      // From here on by what the pages say alone: no address is typed, no command known.
      await openConsole();
      await page
        .getByRole('region', { name: /^Stuck/ })
        .getByRole('link', { name: id })
        .click();
      const process = page.getByRole('region', { name: 'Process' });
      await process.getByText('do create-shipment').waitFor();
      await process
        .getByText(/HTTP_UNEXPECTED_STATUS: shipping .*404/)
        .first()
        .waitFor();

      await page.getByRole('link', { name: 'Resilience' }).click();
      await page.getByRole('button', { name: 'clear order→shipping' }).click();
      await confirm('it was planted');
      await page.getByText('Done: no faults are injected.').waitFor();

      await page.getByRole('link', { name: 'Orders' }).click();
      await page.getByRole('link', { name: id }).click();
      await page.getByRole('button', { name: 'Retry', exact: true }).click();
      await confirm('shipping answers again');
      await page.getByText('Done: create-shipment is tried again.').waitFor();
      await page.getByRole('region', { name: 'Order', exact: true }).getByText('Confirmed').waitFor();
    } finally {
      await running().cli('fault', 'clear');
    }
  });

  /** What the console answers to a viewer, by the paths below `/api`. */
  async function viewer() {
    const { origin, hash } = new URL((await running().cli('console', '--role', 'viewer')).trim());
    const login = await fetch(`${origin}/api/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin },
      body: JSON.stringify({ token: hash.replace('#login=', '') }),
    });
    const cookie = login.headers.get('set-cookie')?.split(';')[0] ?? '';
    return async <T>(path: string): Promise<T> =>
      (await (await fetch(`${origin}/api/${path}`, { headers: { cookie } })).json()) as T;
  }

  it('has every request whole: each span with its parent and its route, and a map of who called whom', async () => {
    const ask = await viewer();
    const answers = await Promise.all([
      ...[1, 2, 3].map(() => placeOrder(running())),
      ...['/products?limit=5', '/nowhere', '/recommendations'].map((path) => running().call('GET', path)),
    ]);
    const traces = answers.map(({ headers }) => headers.get('x-request-id') ?? '');
    for (const traceId of traces) {
      const spans = await eventually(
        `no span of ${traceId} lacks its parent`,
        async () => {
          const { details = [] } = await ask<{ readonly details?: readonly TraceSpan[] }>(
            `traces/${traceId}`,
          );
          const known = new Set(details.map(({ spanId }) => spanId));
          const isWhole = details.every(({ parentId }) => parentId === null || known.has(parentId));
          return details.length > 0 && isWhole && details;
        },
        PATIENCE_MS,
        250,
      );
      for (const { kind, name, attributes } of spans) {
        assert.doesNotMatch(name, /[0-9a-f]{8}-[0-9a-f]{4}-/, 'ids do not belong into names');
        if (kind === SERVER) assert.ok(attributes['http.route'] ?? attributes['rpc.method'], name);
      }
    }
    await eventually(
      'the map knows both halves of the calls of the gateway',
      async () => {
        const { edges } = await ask<{ readonly edges: { readonly value: readonly MapEdge[] } }>('overview');
        return edges.value.some(
          ({ source, target, halves }) => source === 'gateway' && target === 'order' && halves === 'both',
        );
      },
      PATIENCE_MS,
      250,
    );
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
