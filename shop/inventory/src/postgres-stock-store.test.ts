import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createDatabase } from '@flotilla/postgres';
import { createTestInventory, type TestInventory } from '../test/inventories.ts';
import { commitStock } from './features/commit-stock.ts';
import { releaseStock } from './features/release-stock.ts';
import { reserveStock } from './features/reserve-stock.ts';
import { createPostgresStockStore } from './postgres-stock-store.ts';

let inventory: TestInventory;
before(async () => {
  inventory = await createTestInventory();
});
after(() => inventory.close());

describe('stock in tables', () => {
  test('is held for the time to live, on the clock of the database', async () => {
    const product = await inventory.addProduct(5);
    await reserveStock(inventory.deps, 'e7', [{ productId: product, quantity: 1 }]);
    const [row] = await inventory.db.query<{ seconds: number }>(
      `SELECT extract(epoch FROM expires_at - created_at)::integer AS seconds FROM reservation WHERE order_id = 'e7'`,
    );
    assert.equal(row?.seconds, 1_800);
  });

  test('orders of the same products in any sequence never deadlock', async () => {
    let conflicts = 0;
    const sleep = async () => {
      conflicts += 1;
    };
    const db = createDatabase({
      uri: inventory.uri,
      applicationName: 'contention',
      acquireTimeoutMs: 60_000,
      clock: { now: () => new Date(), sleep },
    });
    const deps = { stock: createPostgresStockStore(db), reservationTtlSeconds: 1_800 };
    const products = await Promise.all([1, 2, 3].map(() => inventory.addProduct(1_000)));
    const order = async (number: number) => {
      const sequence = number % 2 === 0 ? products : products.toReversed();
      const orderId = `deadlock-${number}`;
      await reserveStock(
        deps,
        orderId,
        sequence.map((productId) => ({ productId, quantity: 1 })),
      );
      if (number % 5 === 0) await inventory.makeOverdue(orderId);
      if (number % 7 === 0) await deps.stock.expireDue(3);
      if (number % 3 === 0) await releaseStock(deps, orderId);
      else await commitStock(deps, orderId);
    };
    await Promise.all(Array.from({ length: 60 }, (_, number) => order(number)));
    await db.close();
    assert.equal(conflicts, 0);
    for (const product of products)
      assert.deepEqual(await inventory.stock.find(product), { onHand: 960, reserved: 0 });
    assert.deepEqual(await inventory.findBrokenInvariants(), []);
  });
});

describe('the database itself', () => {
  test('refuses to oversell, to rewrite movements and to book an order twice', async () => {
    const product = await inventory.addProduct(1);
    const code = (expected: string) => ({ code: expected });
    await assert.rejects(
      inventory.db.query('UPDATE stock SET reserved = 2 WHERE product_id = $1', [product]),
      code('POSTGRES_CHECK_VIOLATION'),
    );
    await assert.rejects(inventory.db.query('DELETE FROM stock_movement'), /append-only/);
    const book = `INSERT INTO stock_movement (product_id, kind, quantity, order_id, actor)
      SELECT $1, 'sale', -1, 'o', 'x' FROM generate_series(1, 2)`;
    await assert.rejects(inventory.db.query(book, [product]), code('POSTGRES_UNIQUE_VIOLATION'));
  });
});
