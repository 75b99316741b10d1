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

interface CataloguePage {
  /** Each must occur in name or description, in any case. */
  readonly words: readonly string[];
  /** Products after this id only; `''` from the start. */
  readonly afterId: string;
  readonly limit: number;
}

export interface CatalogueStore {
  find(id: string): Promise<CatalogueProduct | undefined>;
  /** In the order of their ids. */
  list(page: CataloguePage): Promise<readonly CatalogueProduct[]>;
  /** Unknown ids are left out. */
  lookUp(ids: readonly string[]): Promise<readonly CatalogueProduct[]>;
  /** Adds the products that are not there yet, with their initial stock; leaves the others as they are. */
  add(products: readonly NewProduct[], actor: string): Promise<void>;
  /** As `add`, but the others get their texts and their price, all in one transaction; their stock stays. */
  merge(products: readonly NewProduct[], actor: string): Promise<Merged>;
}
