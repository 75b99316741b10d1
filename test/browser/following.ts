import assert from 'node:assert/strict';
import { it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { fillAddress, pay, type ShopInBrowser } from './shop-in-browser.ts';

interface Trace {
  readonly services: readonly { readonly service: string }[];
}

/** What somebody does on a page can be followed behind it. */
export function following(shop: () => ShopInBrowser): void {
  it('a click can be followed to the last step of its order, and how fast the page was is known', async () => {
    const { page, leave } = await shop().arrive(['sku-0023']);
    const { system } = shop();
    await page.goto('/checkout');
    await fillAddress(page);
    const sent = page.waitForRequest('**/cart/checkout');
    await pay(page);
    await page.getByRole('heading', { name: 'It’s yours.' }).waitFor();
    const traceId = (await (await sent).allHeaders())['traceparent']?.split('-')[1] ?? '';
    // Spans come a moment after what they are about.
    await eventually(
      'the whole trace is kept',
      async () => {
        const { services } = JSON.parse(await system.cli('console', `/traces/${traceId}`, '--json')) as Trace;
        const seen = new Set(services.map(({ service }) => service));
        const missing = STEPS.filter((service) => !seen.has(service));
        assert.deepEqual(missing, []);
        return true;
      },
      120_000,
      2_000,
    );
    await page.goto('/robots.txt'); // a page that is left says how fast it was
    const { admin, url } = await system.awaitInstance('web-bff', 'runs', ({ state }) => state === 'Running');
    await eventually(
      'web vitals of the page are counted',
      async () => {
        const text = await (await fetch(`${admin ?? url}/metrics`)).text();
        return /browser_web_vital_seconds_count\{[^}]*name="LCP",page="checkout"/.test(text);
      },
      60_000,
      200,
    );
    await leave();
  });
}

/** From the gateway, through everything that an order needs. */
const STEPS = ['gateway', 'web-bff', 'cart', 'order', 'inventory', 'payment', 'shipping', 'notification'];
