import type { Money } from '@flotilla/kernel';

export interface CatalogueProduct {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly price: Money;
  /** Something is left to sell. */
  readonly available: boolean;
}

export interface NewProduct extends Omit<CatalogueProduct, 'available'> {
  readonly onHand: number;
}

/** How many products were new, and how many had other texts or another price. */
export interface Merged {
  readonly added: number;
  readonly changed: number;
}

/** By id where nothing else is asked for; `-price` begins with the highest. */
export type CatalogueSort = 'id' | 'name' | 'price' | '-price';

/** Where a page ended: the last product's id, and what it is sorted by besides. */
export interface CataloguePosition {
  readonly id: string;
  /** Name in lower case, or price in minor units; `''` by id. */
  readonly key: string;
}

interface CataloguePage {
  /** Each must occur in name or description, in any case. */
  readonly words: readonly string[];
  readonly sort: CatalogueSort;
  readonly minPriceMinor: number;
  readonly maxPriceMinor: number;
  readonly onlyInStock: boolean;
  /** Products after this place only. */
  readonly after: CataloguePosition | undefined;
  readonly limit: number;
}

export interface ListedProduct extends CatalogueProduct {
  readonly position: CataloguePosition;
}

export interface CatalogueStore {
  find(id: string): Promise<CatalogueProduct | undefined>;
  /** In the order that `sort` asks for, and of their ids where that says nothing. */
  list(page: CataloguePage): Promise<readonly ListedProduct[]>;
  /** Unknown ids are left out. */
  lookUp(ids: readonly string[]): Promise<readonly CatalogueProduct[]>;
  /** Adds the products that are not there yet, with their initial stock; leaves the others as they are. */
  add(products: readonly NewProduct[], actor: string): Promise<void>;
  /** As `add`, but the others get their texts and their price, all in one transaction; their stock stays. */
  merge(products: readonly NewProduct[], actor: string): Promise<Merged>;
}
