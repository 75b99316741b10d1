import {
  type Category,
  type DomainEvent,
  defineCategory,
  defineEvent,
  defineProjection,
  type Projection,
} from '@flotilla/event-store';
import * as s from '@flotilla/kernel/schema';

export type PurchaseEvent = DomainEvent<
  'bought',
  { readonly shopper: string; readonly products: readonly string[]; readonly at: string }
>;

/** One stream an order. `shopper` is an alias: the log says what was bought together, not by whom. */
export const purchases: Category<PurchaseEvent> = defineCategory<PurchaseEvent>('purchase', {
  bought: defineEvent({
    type: 'bought',
    schema: s.object({
      shopper: s.string({ format: 'uuid' }),
      products: s.array(s.string()),
      at: s.string({ format: 'date-time' }),
    }),
  }),
});

/** Who bought what, how many bought it, and how many bought both of two. `count_purchase` is in the migration. */
export const alsoBought: Projection = defineProjection({
  name: 'also_bought',
  version: 1,
  categories: [purchases],
  tables: ['owned', 'popularity', 'bought_both'],
  handle: async (tx, { data: { shopper, products, at } }, { generation }) => {
    await tx.query('SELECT count_purchase($1, $2, $3, $4)', [generation, shopper, products, at]);
  },
});
