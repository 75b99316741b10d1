import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { systemClock } from '@flotilla/kernel';
import { inboxMigrations, outboxMigrations } from '@flotilla/messaging';
import type { Database } from '@flotilla/postgres';
import { createTestDatabase } from '@flotilla/postgres/testing';
import { silentLogger } from '@flotilla/telemetry';
import { MongoClient } from 'mongodb';
import type { CatalogueStore } from '../src/catalogue-store.ts';
import { commitInGroups, type DocumentState } from '../src/documents/commit-in-groups.ts';
import { createDocumentCatalogueStore } from '../src/documents/document-catalogue-store.ts';
import { createDocumentStockStore } from '../src/documents/document-stock-store.ts';
import { createJournal, type Journal } from '../src/documents/journal.ts';
import { createPostgresCatalogueStore } from '../src/postgres-catalogue-store.ts';
import { createPostgresStockStore } from '../src/postgres-stock-store.ts';
import type { StockStore } from '../src/stock-store.ts';
import { findDocumentServer } from './document-server.ts';
import { createMemoryJournal } from './memory-journal.ts';
import { readAll, recordsOf, standInForTables } from './records.ts';

export const migrations = { name: 'inventory', directory: join(import.meta.dirname, '../migrations') };

/** An empty inventory, with what tests want to do and to know beyond the service's API. */
export interface TestInventory {
  /** The service's own, with the messages; also the products and the stock, unless those are documents. */
  readonly db: Database;
  readonly uri: string;
  readonly stock: StockStore;
  readonly catalogue: CatalogueStore;
  readonly deps: { readonly stock: StockStore; readonly reservationTtlSeconds: number };
  /** Adds a product and returns its id; ids sort in the order in which they were added. */
  addProduct(onHand: number): Promise<string>;
  statusOf(orderId: string): Promise<string | undefined>;
  movementsOf(
    productId: string,
  ): Promise<readonly { readonly kind: string; readonly quantity: number; readonly actor: string }[]>;
  /** Moves the end of a reservation into the past. */
  makeOverdue(orderId: string): Promise<void>;
  findBrokenInvariants(): Promise<readonly object[]>;
  close(): Promise<void>;
}

/** What is particular to a store. */
interface Kept {
  readonly stock: StockStore;
  readonly catalogue: CatalogueStore;
  /** Of the tables, or of what stands in for them. */
  query<Row extends object>(sql: string, parameters?: readonly string[]): Promise<readonly Row[]>;
  makeOverdue(orderId: string): Promise<void>;
}

async function createInventory(keep: (db: Database) => Kept): Promise<TestInventory> {
  const { db, uri, close } = await createTestDatabase([migrations, inboxMigrations, outboxMigrations]);
  const { stock, catalogue, query, makeOverdue } = keep(db);
  let products = 0;
  return {
    ...{ db, uri, close, stock, catalogue, makeOverdue },
    deps: { stock, reservationTtlSeconds: 1_800 },
    addProduct: async (onHand) => {
      products += 1;
      const id = `product-${String(products).padStart(3, '0')}`;
      const price = { amountMinor: 1_000, currency: 'EUR' };
      await catalogue.add([{ id, name: `Product ${products}`, description: '', price, onHand }], 'test');
      return id;
    },
    statusOf: async (orderId) => {
      const [row] = await query<{ status: string }>('SELECT status FROM reservation WHERE order_id = $1', [
        orderId,
      ]);
      return row?.status;
    },
    movementsOf: (productId) =>
      query('SELECT kind, quantity, actor FROM stock_movement WHERE product_id = $1 ORDER BY id', [
        productId,
      ]),
    findBrokenInvariants: () => query(BROKEN),
  };
}

/** In tables. */
export const createTestInventory = (): Promise<TestInventory> =>
  createInventory((db) => ({
    stock: createPostgresStockStore(db),
    catalogue: createPostgresCatalogueStore(db),
    query: (sql, parameters = []) => db.query(sql, parameters),
    makeOverdue: async (orderId) => {
      await db.query(
        `UPDATE reservation SET expires_at = clock_timestamp() - interval '1 second' WHERE order_id = $1`,
        [orderId],
      );
    },
  }));

export function openState(journal: Journal): DocumentState {
  return commitInGroups({ journal, clock: systemClock, newId: randomUUID, logger: silentLogger });
}

/** As documents. What a test sees is a fold of its own over the whole journal. */
export const createDocumentInventory = (journal: Journal): Promise<TestInventory> =>
  createInventory((db) => {
    const documents = openState(journal);
    return {
      stock: createDocumentStockStore({ documents, clock: systemClock }),
      catalogue: createDocumentCatalogueStore(documents),
      query: async (sql, parameters = []) => {
        const records = recordsOf(await readAll(journal));
        return await db.transaction(async (tx) => {
          await standInForTables(tx, records);
          return await tx.query(sql, parameters);
        });
      },
      makeOverdue: (orderId) =>
        documents.change(async (draft) => {
          const order = draft.order(orderId);
          if (order?.status !== 'held') return;
          draft.do({ do: 'expire', orderId });
          draft.do({ do: 'hold', orderId, lines: order.lines, untilMs: 0 });
        }),
    };
  });

/** Every store that needs no other server than the one of all tests: they keep the same promises. */
export const STORES: readonly (readonly [name: string, create: () => Promise<TestInventory>])[] = [
  ['tables', createTestInventory],
  ['documents', () => createDocumentInventory(createMemoryJournal())],
];

/** On a document server as well, where there is one. */
export function storesOfServers(): typeof STORES {
  const start = findDocumentServer();
  if (start === undefined) return [];
  const create = async (): Promise<TestInventory> => {
    const server = await start();
    const client = new MongoClient(server.uri);
    const inventory = await createDocumentInventory(
      createJournal(client.db(`test-${randomUUID().slice(0, 8)}`), systemClock),
    );
    return {
      ...inventory,
      close: async () => {
        await inventory.close();
        await client.close();
        await server.close();
      },
    };
  };
  return [['documents of a server', create]];
}

/** Everything that must hold whenever no transaction is open; an empty list when it does. */
const BROKEN = `
    SELECT 'movements do not add up' AS broken, s.product_id FROM stock s
    WHERE s.on_hand <> (SELECT sum(m.quantity) FROM stock_movement m WHERE m.product_id = s.product_id)
    UNION ALL
    SELECT 'reserved is not what is held', s.product_id FROM stock s
    WHERE s.reserved <> (
      SELECT coalesce(sum(l.quantity), 0) FROM reservation_line l JOIN reservation r USING (order_id)
      WHERE l.product_id = s.product_id AND r.status = 'held')
    UNION ALL
    SELECT 'a reservation and its sales differ', l.order_id FROM reservation_line l JOIN reservation r USING (order_id)
    WHERE (r.status = 'committed') <> (
      SELECT coalesce(sum(m.quantity), 0) = -l.quantity FROM stock_movement m
      WHERE m.order_id = l.order_id AND m.product_id = l.product_id)`;
