import type { Database } from '@flotilla/postgres';
import type { ServiceContext } from '@flotilla/service';
import type { CatalogueStore } from './catalogue-store.ts';
import type { readConfig } from './config.ts';
import { createPostgresCatalogueStore } from './postgres-catalogue-store.ts';
import { createPostgresStockStore } from './postgres-stock-store.ts';
import type { StockStore } from './stock-store.ts';

export interface Stores {
  readonly stock: StockStore;
  readonly catalogue: CatalogueStore;
}

/** Documents where `INVENTORY_MONGODB_URL` says so, else tables. What is in the one is not in the other. */
export async function openStores(
  service: Pick<
    ServiceContext<Pick<ReturnType<typeof readConfig>, 'INVENTORY_MONGODB_URL'>>,
    'config' | 'clock' | 'newId' | 'logger' | 'defer' | 'readyWhen'
  >,
  db: Database,
): Promise<Stores> {
  const { config, defer, readyWhen } = service;
  const { INVENTORY_MONGODB_URL: uri } = config;
  if (uri === undefined)
    return { stock: createPostgresStockStore(db), catalogue: createPostgresCatalogueStore(db) };
  // The driver is loaded by those alone who use it.
  const { openDocuments } = await import('./documents/open-documents.ts');
  const { ping, close, ...stores } = openDocuments({ ...service, uri });
  defer('documents', close);
  readyWhen('documents', ping);
  return stores;
}
