import { handle, ok, problem, type RouteHandler } from '@flotilla/http';
import type { Static } from '@flotilla/kernel';
import {
  getAvailability,
  getProduct,
  getProductImage,
  getProductThumbnail,
  listProducts,
  lookUpProducts,
  type productSchema,
  setStock,
  showProducts,
} from '@shop/contracts';
import type { CatalogueProduct, CatalogueStore } from './catalogue-store.ts';
import { drawProduct, type ImageSize } from './domain/product-image.ts';
import { browseCatalogue } from './features/browse-catalogue.ts';
import type { StockStore } from './stock-store.ts';

export interface HttpDeps {
  readonly catalogue: CatalogueStore;
  readonly stock: StockStore;
}

const CACHED = { 'cache-control': 'public, max-age=60' };
const NOT_CACHED = { 'cache-control': 'no-store' };
const PICTURE = { 'cache-control': 'public, max-age=86400', 'content-security-policy': "default-src 'none'" };
const UNKNOWN_PRODUCT = problem(404, 'product-not-found', 'There is no such product.');

export function createInventoryHandlers({ catalogue, stock }: HttpDeps): readonly RouteHandler[] {
  async function draw(id: string, size: ImageSize) {
    const product = await catalogue.find(id);
    return product ? ok(drawProduct(product, size), PICTURE) : UNKNOWN_PRODUCT;
  }

  return [
    handle(listProducts, async ({ query }) => {
      const page = await browseCatalogue(catalogue, query);
      if (!page.ok) {
        const errors = [{ in: 'query', path: '/cursor', message: 'is not a cursor of this list' }];
        return problem(400, 'validation-failed', 'The request does not match its schema.', { errors });
      }
      return ok({ items: page.value.items.map(present), next: page.value.next }, CACHED);
    }),
    handle(getProduct, async ({ params }) => {
      const product = await catalogue.find(params.id);
      return product ? ok(present(product), CACHED) : UNKNOWN_PRODUCT;
    }),
    handle(getProductImage, ({ params }) => draw(params.id, 'image')),
    handle(getProductThumbnail, ({ params }) => draw(params.id, 'thumbnail')),
    handle(getAvailability, async ({ params, query }) => {
      const found = await stock.find(params.id);
      if (found === undefined) return { ...UNKNOWN_PRODUCT, headers: NOT_CACHED };
      const currentStock = found.onHand - found.reserved;
      return ok({ available: currentStock >= (query.quantity ?? 1), currentStock }, NOT_CACHED);
    }),
    handle(setStock, async ({ params, body, principal }) => {
      const result = await stock.setOnHand(params.id, body.onHand, principal.subject);
      if (result.ok) {
        const { onHand, reserved } = result.value;
        return ok({ productId: params.id, onHand, reserved, available: onHand - reserved });
      }
      if (result.rejection === 'product-not-found') return UNKNOWN_PRODUCT;
      return problem(409, 'stock-reserved', 'More than that is reserved for orders.');
    }),
    handle(lookUpProducts, async ({ body }) => {
      const found = await catalogue.lookUp(body.ids);
      return ok({ items: found.map(({ id, name, price }) => ({ id, name, price })) });
    }),
    handle(showProducts, async ({ body: { ids } }) => {
      const found = new Map((await catalogue.lookUp(ids)).map((product) => [product.id, product]));
      const known = [...new Set(ids)].flatMap((id) => found.get(id) ?? []);
      return ok({ items: known.map(present) });
    }),
  ];
}

function present(product: CatalogueProduct): Static<typeof productSchema> {
  return {
    id: product.id,
    name: product.name,
    description: product.description,
    price: product.price,
    imageUrl: `/products/${product.id}/image.svg`,
    thumbnailUrl: `/products/${product.id}/thumbnail.svg`,
    available: product.available,
  };
}
