import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type RecommendationRig, startRecommendation } from './testing.ts';

const SEED = Number(process.env['QUALITY_SEED'] ?? 20_261_201);
const TASTES = 12;
const PRODUCTS_OF_A_TASTE = 10;
const SHOPPERS = 400;
const HIT_AT = 10;

/**
 * Histories as shops see them: some products are bought more often than others, everybody has two tastes, and one
 * purchase in four follows none. The last purchase of each shopper is kept back: it is what has to be foreseen.
 */
function generateHistories(seed: number) {
  const random = mulberry32(seed);
  const zipf = (count: number) => Math.floor(count ** random()) - 1;
  const pick = (taste: number) => `sku-${taste}-${zipf(PRODUCTS_OF_A_TASTE + 1)}`;
  return Array.from({ length: SHOPPERS }, (_, n) => {
    const tastes = [zipf(TASTES + 1), Math.floor(random() * TASTES)];
    const bought = new Set<string>();
    const count = 4 + Math.floor(random() * 5);
    while (bought.size < count) {
      const own = tastes[random() < 0.6 ? 0 : 1] ?? 0;
      bought.add(pick(random() < 0.75 ? own : zipf(TASTES + 1)));
    }
    const products = [...bought];
    return { shopper: `shopper-${n}`, known: products.slice(0, -1), hidden: products.at(-1) ?? '' };
  });
}

function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

describe(`recommendations for ${SHOPPERS} generated shoppers`, () => {
  const histories = generateHistories(SEED);
  let shop: RecommendationRig;
  before(async () => {
    shop = await startRecommendation();
    for (const { shopper, known } of histories)
      for (const product of known) await shop.buy(shopper, [product]);
    await shop.counted(histories.reduce((sum, { known }) => sum + known.length, 0));
  });
  after(() => shop.close());

  /** How often what was bought next is among the first that were named. */
  async function hitRate(name: (history: (typeof histories)[number]) => Promise<readonly string[]>) {
    let hits = 0;
    for (const history of histories) {
      const named = (await name(history)).filter((id) => !history.known.includes(id)).slice(0, HIT_AT);
      if (named.includes(history.hidden)) hits += 1;
    }
    return hits / histories.length;
  }

  it('foresee the next purchase far more often than popularity alone', async (t) => {
    const { ranking } = shop.app;
    const everything = await ranking.popular(TASTES * PRODUCTS_OF_A_TASTE);
    const popularity = await hitRate(async () => everything);
    const alsoBought = await hitRate(({ known }) => ranking.alsoBought(known.at(-1) ?? '', 50));
    const personal = await hitRate(({ shopper }) => ranking.forCustomer(shopper, 50));
    t.diagnostic(
      `seed ${SEED}: of ${SHOPPERS} next purchases among the first ${HIT_AT}: ` +
        `popularity ${popularity}, also bought ${alsoBought}, personal ${personal}`,
    );
    assert.ok(popularity > 0.05, 'popularity says something, or the comparison says nothing');
    assert.ok(alsoBought >= 1.1 * popularity, `also bought: ${alsoBought} against ${popularity}`);
    assert.ok(personal >= 1.3 * popularity, `personal: ${personal} against ${popularity}`);
  });
});
