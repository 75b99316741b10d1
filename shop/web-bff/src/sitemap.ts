import { type HttpClient, ok } from '@flotilla/http';
import type { Clock } from '@flotilla/kernel';
import { listProducts } from '@shop/contracts';

export interface SitemapDeps {
  readonly inventory: HttpClient;
  /** `scheme://host[:port]` as browsers see it. */
  readonly origin: string;
  readonly clock: Pick<Clock, 'now'>;
}

/** As many addresses as the protocol allows in one file. */
const MAX_URLS = 50_000;
const PAGE_SIZE = 100;
const KEPT_MS = 600_000;
const PAGES = ['/', '/search'];

interface Kept {
  readonly text: Promise<string>;
  readonly untilMs: number;
}

/** All pages that search engines may know, products included. Asked for once in ten minutes, whoever asks how often. */
export function createSitemap({ inventory, origin, clock }: SitemapDeps) {
  let kept: Kept | undefined;

  async function write(): Promise<string> {
    const paths = [...PAGES];
    let cursor: string | null | undefined;
    do {
      const query = { limit: PAGE_SIZE, ...(cursor != null && { cursor }) };
      const { body } = await inventory.call(listProducts, { query });
      paths.push(...body.items.map(({ id }) => `/p/${id}`));
      cursor = body.next;
    } while (cursor !== null && paths.length < MAX_URLS);
    // Ids have letters, digits, - and _ only.
    const urls = paths.slice(0, MAX_URLS).map((path) => `<url><loc>${origin}${path}</loc></url>`);
    return `<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">${urls.join('')}</urlset>\n`;
  }

  return async () => {
    const nowMs = clock.now().getTime();
    if (kept === undefined || nowMs >= kept.untilMs) {
      const mine: Kept = { text: write(), untilMs: nowMs + KEPT_MS };
      kept = mine;
      mine.text.catch(() => {
        if (kept === mine) kept = undefined; // whoever asks next asks again
      });
    }
    return ok(await kept.text, { 'cache-control': 'public, max-age=600' });
  };
}
