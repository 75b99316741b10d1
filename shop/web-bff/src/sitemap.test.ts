import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HttpClient } from '@flotilla/http';
import { createSitemap } from './sitemap.ts';

const ORIGIN = 'https://shop.example';

/** A catalogue of 250 products, page by page. */
function catalogue() {
  const asked: (string | undefined)[] = [];
  let isAway = false;
  const call = async (
    _route: unknown,
    { query }: { readonly query: { readonly limit: number; readonly cursor?: string } },
  ) => {
    asked.push(query.cursor);
    if (isAway) throw new Error('away');
    const from = Number(query.cursor ?? 0);
    const items = Array.from({ length: Math.min(query.limit, 250 - from) }, (_, index) => ({
      id: `sku-${from + index}`,
    }));
    return { body: { items, next: from + query.limit < 250 ? String(from + query.limit) : null } };
  };
  return { inventory: { call } as unknown as HttpClient, asked, setAway: (away: boolean) => (isAway = away) };
}

describe('the sitemap', () => {
  it('has every product once, and is written once in ten minutes', async () => {
    const { inventory, asked } = catalogue();
    let nowMs = 0;
    const sitemap = createSitemap({ inventory, origin: ORIGIN, clock: { now: () => new Date(nowMs) } });
    const [{ body }] = await Promise.all([sitemap(), sitemap()]);
    const places = [...String(body).matchAll(/<loc>([^<]+)<\/loc>/g)].map(([, place]) => place);
    assert.equal(places.length, 252);
    assert.equal(new Set(places).size, 252);
    assert.deepEqual(places.slice(0, 3), [`${ORIGIN}/`, `${ORIGIN}/search`, `${ORIGIN}/p/sku-0`]);
    assert.deepEqual(asked, [undefined, '100', '200']);
    nowMs = 600_000;
    await sitemap();
    assert.equal(asked.length, 6);
  });

  it('that could not be written is tried again by whoever asks next', async () => {
    const { inventory, setAway } = catalogue();
    const sitemap = createSitemap({ inventory, origin: ORIGIN, clock: { now: () => new Date(0) } });
    setAway(true);
    await assert.rejects(sitemap(), /away/);
    setAway(false);
    assert.match(String((await sitemap()).body), /sku-249/);
  });
});
