import { defineRoute } from '@flotilla/http';
import * as s from '@flotilla/kernel/schema';
import { defineMessage } from '@flotilla/messaging';
import { adminOnly, canReadInventory } from './access.ts';
import { moneySchema, ONE_LINE, orderId, pageOf, pageQuery, productId } from './common.ts';

export const productSchema = s.object({
  id: productId,
  name: s.string(),
  description: s.string(),
  price: moneySchema,
  imageUrl: s.string(),
  thumbnailUrl: s.string(),
  available: s.boolean({ description: 'Something is left to sell.' }),
});

const byId = s.object({ id: productId });

export const listProducts = defineRoute({
  method: 'GET',
  path: '/products',
  summary: 'Browse or search the catalogue',
  access: 'public',
  query: s.object({
    q: s.optional(
      s.string({ maxLength: 200, pattern: ONE_LINE, description: 'Words in name or description.' }),
    ),
    ...pageQuery,
  }),
  responses: { 200: pageOf(productSchema) },
});

export const getProduct = defineRoute({
  method: 'GET',
  path: '/products/:id',
  summary: 'One product',
  access: 'public',
  params: byId,
  responses: { 200: productSchema },
});

export const getAvailability = defineRoute({
  method: 'GET',
  path: '/products/:id/availability',
  summary: 'Can this quantity be sold now? Never cached',
  access: 'public',
  params: byId,
  query: s.object({ quantity: s.optional(s.integer({ minimum: 1, maximum: 1_000_000 })) }),
  responses: { 200: s.object({ available: s.boolean(), currentStock: s.integer() }) },
});

export const setStock = defineRoute({
  method: 'PUT',
  path: '/products/:id/stock',
  summary: 'Set the quantity on hand after a count or a delivery; a movement is recorded',
  access: adminOnly,
  params: byId,
  body: s.object({ onHand: s.integer({ minimum: 0, maximum: 10_000_000 }) }),
  responses: {
    200: s.object({ productId, onHand: s.integer(), reserved: s.integer(), available: s.integer() }),
  },
});

/** Current prices of several products at once, for services that price an order. Not routed by the gateway. */
export const lookUpProducts = defineRoute({
  method: 'POST',
  path: '/internal/products/lookup',
  summary: 'Name and price of several products; unknown ids are left out',
  access: canReadInventory,
  body: s.object({ ids: s.array(productId, { minItems: 1, maxItems: 100 }) }),
  responses: {
    200: s.object({ items: s.array(s.object({ id: productId, name: s.string(), price: moneySchema })) }),
  },
});

const ofOrder = s.object({ orderId });

export const inventoryReserved = defineMessage({
  type: 'inventory.reserved.v1',
  description: 'All lines of an order are held for it.',
  key: (stock) => stock.orderId,
  schema: ofOrder,
});

export const inventoryReservationFailed = defineMessage({
  type: 'inventory.reservation-failed.v1',
  description: 'The lines of an order could not be held, or were no longer there when they had been paid.',
  key: (stock) => stock.orderId,
  schema: s.object({ orderId, reason: s.string({ description: 'out-of-stock, unknown-product, …' }) }),
});

export const inventoryCommitted = defineMessage({
  type: 'inventory.committed.v1',
  description: 'What was held for a paid order has been taken from the stock.',
  key: (stock) => stock.orderId,
  schema: ofOrder,
});

export const inventoryReleased = defineMessage({
  type: 'inventory.released.v1',
  description: 'A cancelled order has nothing of the stock, and can never take anything again.',
  key: (stock) => stock.orderId,
  schema: ofOrder,
});
