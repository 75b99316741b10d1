import { accept, createValidator, type Result, reject } from '@flotilla/kernel';
import { importedProduct } from '@shop/contracts';
import type { CatalogueStore, Merged, NewProduct } from '../catalogue-store.ts';

const validate = createValidator(importedProduct);

/** The products of a JSON file, or everything that is wrong with it, a line each. */
export function readProducts(text: string): Result<readonly NewProduct[], readonly string[]> {
  const parsed = parse(text.replace(/^\uFEFF/, ''));
  if (!parsed.ok) return parsed;
  if (!Array.isArray(parsed.value)) return reject(['must be a list of products']);
  const products: NewProduct[] = [];
  const problems: string[] = [];
  const places = new Map<string, number>();
  for (const [index, one] of parsed.value.entries()) {
    const checked = validate(one);
    if (!checked.ok) {
      problems.push(...checked.rejection.map(({ path, message }) => `/${index}${path} ${message}`));
      continue;
    }
    const { id } = checked.value;
    const first = places.get(id);
    if (first !== undefined) problems.push(`/${index}/id is that of /${first}, too`);
    places.set(id, first ?? index);
    products.push(checked.value);
  }
  return problems.length > 0 ? reject(problems) : accept(products);
}

function parse(text: string): Result<unknown, readonly string[]> {
  try {
    return accept(JSON.parse(text));
  } catch (error) {
    return reject([`is not JSON: ${(error as Error).message}`]);
  }
}

/**
 * Adds the products that are not there yet, with their stock, and gives the others their name, description and price,
 * all or nothing. What is there keeps its stock: orders have sold of it since the list was written.
 */
export async function importProducts(
  { catalogue }: { readonly catalogue: CatalogueStore },
  products: readonly NewProduct[],
): Promise<Merged> {
  return await catalogue.merge(products, 'import-products');
}
