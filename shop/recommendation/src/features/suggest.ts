import type { Catalogue, Product } from '../catalogue.ts';
import type { Ranking } from '../ranking.ts';

export interface SuggestDeps {
  readonly ranking: Ranking;
  readonly catalogue: Catalogue;
}

export interface Wanted {
  readonly limit: number;
  /** Never suggested, whatever speaks for them. */
  readonly without: readonly string[];
}

/** Of what cannot be bought any more there may be some: so many more are looked at. */
const SPARE = 20;

/**
 * Products that can be bought now: the best ones as they are, filled up with what is popular, and in a shop where nobody has
 * bought anything with what the catalogue begins with. Somebody new, and a product that is new, have suggestions too.
 */
export async function suggest(
  { ranking, catalogue }: SuggestDeps,
  best: readonly string[],
  { limit, without }: Wanted,
  signal: AbortSignal,
): Promise<readonly Product[]> {
  const enough = limit + SPARE;
  const left = new Set(without);
  const ids = new Set(best.filter((id) => !left.has(id)));
  const fill = (more: readonly string[]) => {
    for (const id of more) if (!left.has(id) && ids.size < enough) ids.add(id);
  };
  if (ids.size < enough) fill(await ranking.popular(enough + left.size));
  if (ids.size < enough) fill(await catalogue.first(Math.min(100, enough + left.size), signal));
  const shown = await catalogue.show([...ids].slice(0, enough), signal);
  return shown.filter(({ available }) => available).slice(0, limit);
}
