/**
 * `node scripts/screenshot.ts <url of a running shop>`: takes the README's first picture. `CHROMIUM` says where the browser is.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const PICTURE = join(import.meta.dirname, '../docs/storefront.png');
const MAX_BYTES = 200_000;

const [shop] = process.argv.slice(2);
if (shop === undefined) throw new RangeError('the URL of a running shop is missing');

const isRoot = process.getuid?.() === 0;
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] || '/usr/bin/chromium',
  args: isRoot ? ['--no-sandbox'] : [],
});
try {
  const page = await browser.newPage({ viewport: { width: 1_280, height: 960 }, colorScheme: 'light' });
  await page.goto(shop);
  await page.locator('.card-name').first().waitFor();
  await page.waitForLoadState('networkidle');
  await page.screenshot({ path: PICTURE });
} finally {
  await browser.close();
}
const { size } = statSync(PICTURE);
if (size > MAX_BYTES) throw new Error(`${PICTURE} has ${size} bytes, more than ${MAX_BYTES}`);
console.log(`${PICTURE}: ${size} bytes`);
