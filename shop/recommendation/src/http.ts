import { handle, noContent, ok, problem, type RouteHandler } from '@flotilla/http';
import { crashPoint } from '@flotilla/kernel';
import * as contract from '@shop/contracts';
import { type SuggestDeps, suggest } from './features/suggest.ts';
import type { ShopperStore } from './shopper-store.ts';

export interface RecommendationRoutes extends SuggestDeps {
  readonly shoppers: ShopperStore;
}

const PUBLIC = { 'cache-control': 'public, max-age=60' };
const PRIVATE = { 'cache-control': 'no-store' };
const LIMIT = 10;
/** More than this is ranked for nobody. */
const RANKED = 120;

/** The routes of the recommendation service. */
export function recommendationRoutes(deps: RecommendationRoutes): readonly RouteHandler[] {
  const { ranking, catalogue, shoppers } = deps;
  return [
    handle(contract.listAlsoBought, async ({ params: { id }, query: { limit = LIMIT }, signal }) => {
      const [product] = await catalogue.show([id], signal);
      if (!product) return problem(404, 'product-not-found', 'There is no such product.');
      const best = await ranking.alsoBought(id, RANKED);
      return ok({ items: await suggest(deps, best, { limit, without: [id] }, signal) }, PUBLIC);
    }),
    handle(contract.listPopular, async ({ query: { limit = LIMIT }, signal }) =>
      ok({ items: await suggest(deps, [], { limit, without: [] }, signal) }, PUBLIC),
    ),
    handle(contract.listRecommendations, async ({ principal, query: { limit = LIMIT }, signal }) => {
      const [best, without] = await Promise.all([
        ranking.forCustomer(principal.subject, RANKED),
        ranking.owned(principal.subject),
      ]);
      return ok({ items: await suggest(deps, best, { limit, without }, signal) }, PRIVATE);
    }),
    handle(contract.listViewed, async ({ principal, query: { limit = LIMIT }, signal }) => {
      const ids = await shoppers.viewed(principal.subject, limit);
      return ok({ items: await catalogue.show(ids, signal) }, PRIVATE);
    }),
    handle(contract.noteViewed, async ({ principal, params: { id } }) => {
      crashPoint('recommendation.before-note-viewed');
      await shoppers.noteViewed(principal.subject, id);
      crashPoint('recommendation.after-note-viewed');
      return noContent();
    }),
    handle(contract.forgetViewed, async ({ principal }) => {
      crashPoint('recommendation.before-forget-viewed');
      await shoppers.forgetViewed(principal.subject);
      crashPoint('recommendation.after-forget-viewed');
      return noContent();
    }),
  ];
}
