import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { armCrashPoint } from '@flotilla/kernel';
import { STORES, type TestInventory } from '../test/inventories.ts';
import { commitStock } from './features/commit-stock.ts';
import { releaseStock } from './features/release-stock.ts';
import { reserveStock } from './features/reserve-stock.ts';

let inventory: TestInventory;
afterEach(() => armCrashPoint('', () => undefined));

/** Cuts the next pass of the point short, as the end of the process would. */
async function cutAt(point: string, work: () => Promise<unknown>): Promise<void> {
  armCrashPoint(point, () => {
    throw new Error('cut');
  });
  await assert.rejects(work(), /cut/);
}

const operations = [
  { name: 'reserve', reserveFirst: false, run: reserve, from: [10, 0], to: [10, 3] },
  { name: 'commit-stock', reserveFirst: true, run: commit, from: [10, 3], to: [7, 0] },
  { name: 'release', reserveFirst: true, run: release, from: [10, 3], to: [10, 0] },
] as const;

function reserve(orderId: string, productId: string) {
  return reserveStock(inventory.deps, orderId, [{ productId, quantity: 3 }]);
}
function commit(orderId: string) {
  return commitStock(inventory.deps, orderId);
}
function release(orderId: string) {
  return releaseStock(inventory.deps, orderId);
}

for (const [store, create] of STORES)
  describe(`stock in ${store}`, () => {
    before(async () => {
      inventory = await create();
    });
    after(() => inventory.close());

    for (const { name, reserveFirst, run, from, to } of operations) {
      for (const [moment, [onHand, reserved]] of [
        ['before', from],
        ['after', to],
      ] as const) {
        test(`${name} cut ${moment} its commit has happened ${moment === 'before' ? 'not at all' : 'once'}; again it ends the same`, async () => {
          const product = await inventory.addProduct(10);
          const orderId = `${name}-${moment}`;
          if (reserveFirst) await reserve(orderId, product);
          await cutAt(`inventory.${moment}-${name}-commit`, () => run(orderId, product));
          assert.deepEqual(await inventory.stock.find(product), { onHand, reserved });
          await run(orderId, product);
          assert.deepEqual(await inventory.stock.find(product), { onHand: to[0], reserved: to[1] });
          assert.deepEqual(await inventory.findBrokenInvariants(), []);
        });
      }
    }
  });
