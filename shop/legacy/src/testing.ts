import { fileURLToPath } from 'node:url';
import { systemClock } from '@flotilla/kernel';
import type { Database, MigrationSource } from '@flotilla/postgres';
import { answerOf, type OrderRow, recordOf } from './order-rows.ts';
import * as orders from './orders.ts';

export const legacyMigrations: MigrationSource = {
  name: 'legacy',
  directory: fileURLToPath(new URL('../migrations', import.meta.url)),
};

/** Adds an article of which there are so many. */
export async function addArticle(db: Database, code: string, received: number): Promise<void> {
  await db.query('INSERT INTO articles VALUES ($1, $1, 19.99, $2, $2)', [code, received]);
}

/** The monolith without its HTTP, on this database: for the tests of who takes its orders over. */
export function openLegacy(db: Database) {
  const now = () => systemClock.now();
  const unwrap = (row: OrderRow | undefined) => row && recordOf(row);
  return {
    list: async (after: number, isLeft: boolean) => (await orders.list(db, after, isLeft)).map(recordOf),
    find: async (number: number) => unwrap(await orders.find(db, number)),
    handOver: async (number: number, version: number) => {
      const outcome = await orders.handOver(db, number, version, now());
      if (outcome === 'not-found') throw new RangeError(`there is no order ${number}`);
      return outcome;
    },
    settle: async (number: number, cancellation: { readonly at: Date; readonly reason: string }) => {
      const settled = await orders.settle(db, number, cancellation.at, cancellation.reason);
      if (!settled.ok) throw new RangeError(`${number}: ${settled.rejection}`);
    },
    /** What its customers see. */
    show: async (number: number) => {
      const row = await orders.find(db, number);
      return row && answerOf(row);
    },
    closeIntake: () => orders.setIntake(db, false),
    /** As a customer of the monolith. */
    place: async (accountId: string, productId: string, quantity = 1): Promise<number> => {
      const buyer = { accountId, name: 'A. Buyer', email: 'buyer@example.com' };
      const placed = await orders.place(db, buyer, [{ productId, quantity }], now());
      if (!placed.ok) throw new RangeError(placed.rejection);
      return placed.value.no;
    },
    cancel: async (number: number, accountId: string): Promise<string> => {
      const cancelled = await orders.cancel(db, number, accountId, now());
      return cancelled.ok ? 'cancelled' : cancelled.rejection;
    },
    send: async (number: number): Promise<void> => {
      await db.query("UPDATE orders SET state = 'S', sent_on = now(), version = version + 1 WHERE no = $1", [
        number,
      ]);
    },
    stockOf: async (code: string): Promise<number> =>
      (await db.query<{ stock: number }>('SELECT stock FROM articles WHERE code = $1', [code]))[0]?.stock ??
      0,
  };
}
