/**
 * `node scripts/screenshot.ts <url of a running shop> <link of flotilla console>`: takes the README's pictures, of the shop and of its console;
 * with `-` instead of either, not that one. `CHROMIUM` says where the browser is.
 */
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const MAX_BYTES = 150_000;

const [shop = '-', link = '-'] = process.argv.slice(2);
if (shop === '-' && link === '-')
  throw new RangeError('the URL of a running shop, or a link to its console, is missing');

const isRoot = process.getuid?.() === 0;
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] || '/usr/bin/chromium',
  args: isRoot ? ['--no-sandbox'] : [],
});
try {
  if (shop !== '-') await take('storefront.webp', shop, { width: 1_280, height: 960 }, '.card-name');
  if (link !== '-') await take('console.webp', link, { width: 1_280, height: 840 }, '.map path.live');
} finally {
  await browser.close();
}

/** Once `awaited` is there, and nothing more is loaded. */
async function take(
  name: string,
  url: string,
  viewport: { readonly width: number; readonly height: number },
  awaited: string,
): Promise<void> {
  const picture = join(import.meta.dirname, '../docs', name);
  const page = await browser.newPage({ viewport, colorScheme: 'light' });
  await page.goto(url);
  await page.locator(awaited).first().waitFor();
  await page.waitForTimeout(1_000); // a page that asks every two seconds is never idle
  const debug = await page.context().newCDPSession(page);
  const { data } = await debug.send('Page.captureScreenshot', { format: 'webp', quality: 90 });
  writeFileSync(picture, Buffer.from(data, 'base64'));
  await page.close();
  const { size } = statSync(picture);
  if (size > MAX_BYTES) throw new Error(`${picture} has ${size} bytes, more than ${MAX_BYTES}`);
  console.log(`${picture}: ${size} bytes`);
}
