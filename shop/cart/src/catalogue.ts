import type { HttpClient } from '@flotilla/http';
import { lookUpProducts } from '@shop/contracts';

/** Asks the catalogue whether a product exists. Throws a retryable error when it cannot be asked. */
export type ProductExists = (productId: string, signal: AbortSignal) => Promise<boolean>;

export function createProductExists(inventory: HttpClient): ProductExists {
  return async (productId, signal) => {
    const input = { body: { ids: [productId] } };
    const { body } = await inventory.call(lookUpProducts, input, { signal, idempotent: true });
    return body.items.some((product) => product.id === productId);
  };
}
