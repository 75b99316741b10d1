import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { STORES } from '../test/inventories.ts';
import { commitStock } from './features/commit-stock.ts';
import { releaseStock } from './features/release-stock.ts';
import { reserveStock } from './features/reserve-stock.ts';

const order = fc.integer({ min: 0, max: 7 });
const product = fc.integer({ min: 0, max: 2 });
const action = fc.oneof(
  fc.record({
    do: fc.constant('reserve' as const),
    order,
    lines: fc.array(fc.tuple(product, fc.integer({ min: 1, max: 6 })), { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ do: fc.constantFrom('commit' as const, 'release' as const, 'expire' as const), order }),
  fc.record({ do: fc.constant('count' as const), product, onHand: fc.integer({ min: 0, max: 15 }) }),
);

for (const [name, create] of STORES)
  test(`whatever happens in whatever sequence and at once, the stock in ${name} adds up`, async (t) => {
    const inventory = await create();
    t.after(() => inventory.close());
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 10, maxLength: 60 }), async (actions) => {
        run += 1;
        const products = await Promise.all([8, 8, 8].map((onHand) => inventory.addProduct(onHand)));
        const productAt = (index: number) => products[index] ?? 'no-such';
        const { deps, stock } = inventory;
        await Promise.all(
          actions.map(async (action) => {
            const orderId = 'order' in action ? `run-${run}-${action.order}` : '';
            switch (action.do) {
              case 'reserve':
                return await reserveStock(
                  deps,
                  orderId,
                  action.lines.map(([index, quantity]) => ({ productId: productAt(index), quantity })),
                );
              case 'commit':
                return await commitStock(deps, orderId);
              case 'release':
                return await releaseStock(deps, orderId);
              case 'expire':
                await inventory.makeOverdue(orderId);
                return await stock.expireDue(2);
              case 'count':
                return await stock.setOnHand(productAt(action.product), action.onHand, 'test');
            }
          }),
        );
        assert.deepEqual(await inventory.findBrokenInvariants(), []);
        for (let number = 0; number < 8; number += 1) await releaseStock(deps, `run-${run}-${number}`);
        assert.deepEqual(await inventory.findBrokenInvariants(), []);
        for (const id of products) assert.equal((await stock.find(id))?.reserved, 0);
      }),
      { numRuns: 15 },
    );
  });
