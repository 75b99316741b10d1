/**
 * `npm ci --prefix bench/lighthouse`, then `node bench/lighthouse/run.ts <url of a running shop>`: judges the first pages that people see as a phone on
 * a slow network sees them, and fails when one is below its budget. `CHROMIUM` says where the browser is.
 */
import { launch } from 'chrome-launcher';
import lighthouse from 'lighthouse';

const PAGES = ['/', '/search', '/p/sku-0001', '/basket', '/checkout'];
const CHROMIUM = process.env['CHROMIUM'] || '/usr/bin/chromium';

/** At least. */
const SCORES = { performance: 0.95, accessibility: 1, 'best-practices': 1, seo: 1 } as const;
/** At most; milliseconds, but the layout shift. */
const LIMITS = {
  'largest-contentful-paint': 1_800,
  'total-blocking-time': 100,
  'cumulative-layout-shift': 0.02,
} as const;

const [shop] = process.argv.slice(2);
if (shop === undefined) throw new RangeError('the URL of a running shop is missing');

const isRoot = process.getuid?.() === 0;
const chrome = await launch({
  chromePath: CHROMIUM,
  chromeFlags: ['--headless=new', ...(isRoot ? ['--no-sandbox'] : [])],
});
let failures = 0;
try {
  for (const page of PAGES) {
    const result = await lighthouse(new URL(page, shop).href, {
      port: chrome.port,
      onlyCategories: Object.keys(SCORES),
      logLevel: 'error',
    });
    if (!result) throw new Error(`${page} could not be judged`);
    const { categories, audits } = result.lhr;
    // Pages of one's own are not for search engines, and say so.
    const isOwn = page === '/basket' || page === '/checkout';
    const scores = Object.entries(SCORES).map(([name, least]) => {
      const score = categories[name]?.score ?? 0;
      const isWrong = score < least && !(isOwn && name === 'seo');
      if (isWrong) failures += 1;
      return `${name} ${score.toFixed(2)}${isWrong ? ' !' : ''}`;
    });
    const limits = Object.entries(LIMITS).map(([name, most]) => {
      const value = audits[name]?.numericValue ?? Number.POSITIVE_INFINITY;
      if (value > most) failures += 1;
      return `${name} ${value.toFixed(value < 1 ? 3 : 0)}${value > most ? ' !' : ''}`;
    });
    console.log(`${page.padEnd(12)} ${[...scores, ...limits].join(' · ')}`);
    for (const [name, audit] of Object.entries(audits)) {
      const counts = Object.values(categories).some(({ auditRefs }) =>
        auditRefs.some(({ id, weight }) => id === name && weight > 0),
      );
      if (counts && audit.score !== null && audit.score < 0.9)
        console.log(`  ${name}: ${audit.title} ${audit.displayValue ?? ''}`);
    }
  }
} finally {
  chrome.kill();
}
process.exitCode = failures === 0 ? 0 : 1;
