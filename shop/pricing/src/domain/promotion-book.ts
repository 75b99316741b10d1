import { isOfLines, type Promotion, productsOf } from './promotion.ts';

/** Promotions by what they concern, each list in the order in which they apply. */
export interface PromotionBook {
  readonly byProduct: ReadonlyMap<string, readonly Promotion[]>;
  readonly ofOrders: readonly Promotion[];
}

/** Made once for each change of the promotions, so that a quote looks only at those of its products. */
export function bindPromotions(promotions: readonly Promotion[]): PromotionBook {
  const byProduct = new Map<string, Promotion[]>();
  const ofOrders: Promotion[] = [];
  for (const promotion of [...promotions].sort(byPrecedence)) {
    if (!isOfLines(promotion.discount)) ofOrders.push(promotion);
    for (const productId of new Set(productsOf(promotion.discount))) {
      const listed = byProduct.get(productId);
      if (listed) listed.push(promotion);
      else byProduct.set(productId, [promotion]);
    }
  }
  return { byProduct, ofOrders };
}

function byPrecedence(a: Promotion, b: Promotion): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  return a.id < b.id ? -1 : 1;
}
