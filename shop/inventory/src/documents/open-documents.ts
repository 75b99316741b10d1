import type { Clock } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import { MongoClient } from 'mongodb';
import type { CatalogueStore } from '../catalogue-store.ts';
import type { StockStore } from '../stock-store.ts';
import { commitInGroups } from './commit-in-groups.ts';
import { createDocumentCatalogueStore } from './document-catalogue-store.ts';
import { createDocumentStockStore } from './document-stock-store.ts';
import { createJournal } from './journal.ts';

export interface DocumentsDeps {
  /** `mongodb://…/name`, with the name of a database. */
  readonly uri: string;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly logger: Logger;
}

export interface Documents {
  readonly stock: StockStore;
  readonly catalogue: CatalogueStore;
  /** Throws while the server is away. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

const AWAY_AFTER_MS = 2_000;

/** The inventory in a server that speaks MongoDB's protocol. It connects with the first question. */
export function openDocuments({ uri, ...deps }: DocumentsDeps): Documents {
  const client = new MongoClient(uri, {
    appName: 'inventory',
    // An insert is repeated by the journal, which knows its own again.
    retryWrites: false,
    writeConcern: { w: 'majority' },
    serverSelectionTimeoutMS: AWAY_AFTER_MS,
    connectTimeoutMS: AWAY_AFTER_MS,
    socketTimeoutMS: 30_000,
    maxPoolSize: 4,
  });
  const journal = createJournal(client.db(), deps.clock);
  const documents = commitInGroups({ journal, ...deps });
  return {
    stock: createDocumentStockStore({ documents, clock: deps.clock }),
    catalogue: createDocumentCatalogueStore(documents),
    ping: journal.ping,
    close: async () => {
      await documents.close();
      await client.close();
    },
  };
}
