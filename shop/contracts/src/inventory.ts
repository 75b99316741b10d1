import { defineRoute } from '@flotilla/http';
import type { Schema } from '@flotilla/kernel';
import * as s from '@flotilla/kernel/schema';
import { defineMessage } from '@flotilla/messaging';
import { adminOnly, canReadInventory } from './access.ts';
import { moneySchema, ONE_LINE, orderId, pageOf, pageQuery, productId } from './common.ts';

const MAX_ON_HAND = 10_000_000;

/** Lines are allowed, other control characters and broken surrogates are not. */
const TEXT = '^(?:[^\\p{Cc}\\p{Cs}]|[\\n\\t])*$';

const imageUrl = (size: string): Schema<string> =>
  s.string({ format: 'uri-reference', examples: [`/products/sku-0001/${size}.svg`] });

export const productSchema = s.named(
  'Product',
  s.object({
    id: productId,
    name: s.string({ examples: ['Trail jacket'] }),
    description: s.string({ examples: ['Keeps rain out and lets warmth stay.'] }),
    price: moneySchema,
    imageUrl: imageUrl('image'),
    thumbnailUrl: imageUrl('thumbnail'),
    available: s.boolean({ description: 'Something is left to sell.', examples: [true] }),
  }),
);

/** A product of a list that an operator imports. Its stock is what is on hand when it is new. */
export const importedProduct = s.object({
  id: productId,
  name: s.string({ minLength: 1, maxLength: 200, pattern: ONE_LINE }),
  description: s.string({ maxLength: 5_000, pattern: TEXT }),
  price: s.object({
    amountMinor: s.integer({ minimum: 0, maximum: 2_147_483_647 }),
    currency: s.string({ pattern: '^[A-Z]{3}$' }),
  }),
  onHand: s.integer({ minimum: 0, maximum: MAX_ON_HAND }),
});

const productSorts = ['name', 'price', '-price'] as const;

const price = s.integer({ minimum: 0, maximum: 2_147_483_647 });

const byId = s.object({ id: productId });
const unknownProduct = { 404: { codes: ['product-not-found'] } };
const cached = s.object({ 'Cache-Control': s.string({ examples: ['public, max-age=60'] }) });

export const listProducts = defineRoute({
  operationId: 'listProducts',
  method: 'GET',
  path: '/products',
  priority: 'sheddable',
  summary: 'Browse or search the catalogue',
  access: 'public',
  query: s.object({
    q: s.optional(
      s.string({ maxLength: 200, pattern: ONE_LINE, description: 'Words in name or description.' }),
    ),
    sort: s.optional(
      s.oneOf(productSorts, { description: 'Default: by id. `-price` begins with the highest.' }),
    ),
    minPrice: s.optional({ ...price, description: 'In minor units.' }),
    maxPrice: s.optional({ ...price, description: 'In minor units.' }),
    inStock: s.optional(s.boolean({ description: 'Only what is left to sell. Default false.' })),
    ...pageQuery,
  }),
  responses: { 200: pageOf('ProductPage', productSchema) },
  responseHeaders: { 200: cached },
});

export const getProduct = defineRoute({
  operationId: 'getProduct',
  method: 'GET',
  path: '/products/:id',
  summary: 'One product',
  access: 'public',
  params: byId,
  responses: { 200: productSchema },
  responseHeaders: { 200: cached },
  problems: unknownProduct,
});

/** The pictures that `imageUrl` and `thumbnailUrl` of a product lead to. */
const picture = {
  method: 'GET',
  access: 'public',
  params: byId,
  produces: 'image/svg+xml',
  responses: { 200: s.string() },
  responseHeaders: { 200: cached },
  problems: unknownProduct,
  priority: 'sheddable',
} as const;

export const getProductImage = defineRoute({
  ...picture,
  operationId: 'getProductImage',
  path: '/products/:id/image.svg',
  summary: 'A picture of a product',
});

export const getProductThumbnail = defineRoute({
  ...picture,
  operationId: 'getProductThumbnail',
  path: '/products/:id/thumbnail.svg',
  summary: 'A small picture of a product',
});

export const getAvailability = defineRoute({
  operationId: 'getAvailability',
  method: 'GET',
  path: '/products/:id/availability',
  summary: 'Can this quantity be sold now? Never cached',
  access: 'public',
  params: byId,
  query: s.object({ quantity: s.optional(s.integer({ minimum: 1, maximum: 1_000_000 })) }),
  responses: {
    200: s.named('Availability', s.object({ available: s.boolean(), currentStock: s.integer() })),
  },
  problems: unknownProduct,
});

export const setStock = defineRoute({
  operationId: 'setStock',
  method: 'PUT',
  path: '/products/:id/stock',
  summary: 'Set the quantity on hand after a count or a delivery; a movement is recorded',
  access: adminOnly,
  params: byId,
  body: s.object({ onHand: s.integer({ minimum: 0, maximum: MAX_ON_HAND, examples: [500] }) }),
  responses: {
    200: s.named(
      'Stock',
      s.object({ productId, onHand: s.integer(), reserved: s.integer(), available: s.integer() }),
    ),
  },
  problems: { ...unknownProduct, 409: { codes: ['stock-reserved'] } },
});

/** Current prices of several products at once, for services that price an order. Not routed by the gateway. */
export const lookUpProducts = defineRoute({
  operationId: 'lookUpProducts',
  method: 'POST',
  path: '/internal/products/lookup',
  summary: 'Name and price of several products; unknown ids are left out',
  access: canReadInventory,
  body: s.object({ ids: s.array(productId, { minItems: 1, maxItems: 100 }) }),
  responses: {
    200: s.object({ items: s.array(s.object({ id: productId, name: s.string(), price: moneySchema })) }),
  },
});

/** Products as the catalogue shows them, in the order of asking. Not routed by the gateway. */
export const showProducts = defineRoute({
  operationId: 'showProducts',
  method: 'POST',
  path: '/internal/products/show',
  priority: 'sheddable',
  summary: 'Several products as customers see them; unknown ids are left out',
  access: canReadInventory,
  body: s.object({ ids: s.array(productId, { minItems: 1, maxItems: 200 }) }),
  responses: { 200: s.object({ items: s.array(productSchema) }) },
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
