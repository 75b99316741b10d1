import { isDeepStrictEqual } from 'node:util';
import type {
  CataloguePosition,
  CatalogueProduct,
  CatalogueSort,
  CatalogueStore,
  NewProduct,
} from '../catalogue-store.ts';
import type { DocumentState } from './commit-in-groups.ts';
import type { Draft, InventoryState, Product, WholeState } from './state.ts';

/** The catalogue in the same journal as the stock. Lists are looked through in memory. */
export function createDocumentCatalogueStore(documents: DocumentState): CatalogueStore {
  return {
    find: (id) => documents.read((state) => present(state, state.product(id))),
    list: ({ words, sort, minPriceMinor, maxPriceMinor, onlyInStock, after, limit }) =>
      documents.read((state) => {
        const wanted = words.map((word) => word.toLowerCase());
        const compare = ORDERS[sort];
        return all(state)
          .filter(({ name, description, price: { amountMinor }, available }) => {
            const text = `${name} ${description}`.toLowerCase();
            const isPriced = amountMinor >= minPriceMinor && amountMinor <= maxPriceMinor;
            return isPriced && (available || !onlyInStock) && wanted.every((word) => text.includes(word));
          })
          .map((product) => ({ ...product, position: positionOf(product, sort) }))
          .filter(({ position }) => after === undefined || compare(position, after) > 0)
          .toSorted((a, b) => compare(a.position, b.position))
          .slice(0, limit);
      }),
    lookUp: (ids) =>
      documents.read((state) =>
        [...new Set(ids)].sort().flatMap((id) => present(state, state.product(id)) ?? []),
      ),
    add: (products, actor) =>
      documents.change(async (draft) => {
        for (const product of products) addMissing(draft, product, actor);
      }),
    merge: (products, actor) =>
      documents.change(async (draft) => {
        const merged = { added: 0, changed: 0 };
        for (const one of products) {
          if (addMissing(draft, one, actor)) merged.added += 1;
          else if (!isDeepStrictEqual(draft.product(one.id), productOf(one))) {
            draft.do({ do: 'describe', product: productOf(one) });
            merged.changed += 1;
          }
        }
        return merged;
      }),
  };
}

function addMissing(draft: Draft, one: NewProduct, actor: string): boolean {
  if (draft.product(one.id) !== undefined) return false;
  draft.do({ do: 'add', product: productOf(one), onHand: one.onHand, actor });
  return true;
}

function productOf({ id, name, description, price: { amountMinor, currency } }: NewProduct): Product {
  return { id, name, description, price: { amountMinor, currency } };
}

function present(state: InventoryState, product: Product | undefined): CatalogueProduct | undefined {
  if (product === undefined) return undefined;
  const { onHand = 0, reserved = 0 } = state.stock(product.id) ?? {};
  return { ...product, available: onHand > reserved };
}

function all(state: WholeState): readonly CatalogueProduct[] {
  return [...state.products.values()].flatMap((product) => present(state, product) ?? []);
}

function positionOf({ id, name, price }: CatalogueProduct, sort: CatalogueSort): CataloguePosition {
  if (sort === 'id') return { id, key: '' };
  return { id, key: sort === 'name' ? name.toLowerCase() : String(price.amountMinor) };
}

type Compare = (a: CataloguePosition, b: CataloguePosition) => number;

const byText = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
const byId: Compare = (a, b) => byText(a.id, b.id);
const byPrice: Compare = (a, b) => Number(a.key) - Number(b.key) || byId(a, b);

const ORDERS: Readonly<Record<CatalogueSort, Compare>> = {
  id: byId,
  name: (a, b) => byText(a.key, b.key) || byId(a, b),
  price: byPrice,
  '-price': (a, b) => byPrice(b, a),
};
