import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { STORES, storesOfServers, type TestInventory } from '../test/inventories.ts';
import { commitStock } from './features/commit-stock.ts';
import { releaseStock } from './features/release-stock.ts';
import { reserveStock } from './features/reserve-stock.ts';

const ok = (value: string) => ({ ok: true, value });
const refused = (rejection: string) => ({ ok: false, rejection });

for (const [name, create] of [...STORES, ...storesOfServers()])
  describe(`stock in ${name}`, () => {
    let inventory: TestInventory;
    before(async () => {
      inventory = await create();
    });
    after(() => inventory.close());

    const reserve = (orderId: string, ...lines: (readonly [productId: string, quantity: number])[]) =>
      reserveStock(
        inventory.deps,
        orderId,
        lines.map(([productId, quantity]) => ({ productId, quantity })),
      );
    const commit = (orderId: string) => commitStock(inventory.deps, orderId);
    const release = (orderId: string) => releaseStock(inventory.deps, orderId);
    const expire = async (orderId: string) => {
      await inventory.makeOverdue(orderId);
      assert.equal(await inventory.stock.expireDue(10), 1);
    };

    async function assertStock(productId: string, onHand: number, reserved: number): Promise<void> {
      assert.deepEqual(await inventory.stock.find(productId), { onHand, reserved });
      assert.deepEqual(await inventory.findBrokenInvariants(), []);
    }

    describe('reserving', () => {
      test('promises the quantity to the order and leaves the goods on hand', async () => {
        const product = await inventory.addProduct(10);
        assert.deepEqual(await reserve('r1', [product, 4]), ok('reserved'));
        await assertStock(product, 10, 4);
      });

      test('again with the same lines answers the same and takes nothing more', async () => {
        const a = await inventory.addProduct(10);
        const b = await inventory.addProduct(10);
        await reserve('r2', [a, 4], [b, 1]);
        assert.deepEqual(await reserve('r2', [b, 1], [a, 3], [a, 1]), ok('reserved'));
        await assertStock(a, 10, 4);
        await assertStock(b, 10, 1);
      });

      test('the same order many times at once takes it once', async () => {
        const product = await inventory.addProduct(10);
        const answers = await Promise.all(Array.from({ length: 10 }, () => reserve('r3', [product, 4])));
        assert.deepEqual(answers, Array(10).fill(ok('reserved')));
        await assertStock(product, 10, 4);
      });

      test('other lines than before is refused and changes nothing', async () => {
        const product = await inventory.addProduct(10);
        await reserve('r4', [product, 4]);
        assert.deepEqual(await reserve('r4', [product, 5]), refused('other-lines'));
        await assertStock(product, 10, 4);
      });

      test('takes all lines or none', async () => {
        const plenty = await inventory.addProduct(10);
        const scarce = await inventory.addProduct(1);
        assert.deepEqual(await reserve('r5', [plenty, 2], [scarce, 2]), refused('out-of-stock'));
        assert.deepEqual(await reserve('r5', [plenty, 2], ['no-such', 1]), refused('unknown-product'));
        assert.deepEqual(await reserve('r5', ['no-such', 1]), refused('unknown-product'));
        await assertStock(plenty, 10, 0);
        assert.equal(await inventory.statusOf('r5'), undefined);
      });

      test('after a refusal succeeds as soon as there is enough', async () => {
        const product = await inventory.addProduct(1);
        assert.deepEqual(await reserve('r6', [product, 2]), refused('out-of-stock'));
        await inventory.stock.setOnHand(product, 2, 'test');
        assert.deepEqual(await reserve('r6', [product, 2]), ok('reserved'));
      });

      test('counts several lines of one product together', async () => {
        const product = await inventory.addProduct(5);
        assert.deepEqual(await reserve('r7', [product, 3], [product, 3]), refused('out-of-stock'));
        assert.deepEqual(await reserve('r7', [product, 3], [product, 2]), ok('reserved'));
        await assertStock(product, 5, 5);
      });
    });

    describe('committing', () => {
      test('turns the reservation into a sale, once', async () => {
        const product = await inventory.addProduct(10);
        await reserve('c1', [product, 4]);
        assert.deepEqual(await commit('c1'), ok('committed'));
        assert.deepEqual(await commit('c1'), ok('committed'));
        assert.deepEqual(await reserve('c1', [product, 4]), ok('reserved'));
        await assertStock(product, 6, 0);
        assert.deepEqual((await inventory.movementsOf(product)).slice(1), [
          { kind: 'sale', quantity: -4, actor: 'inventory' },
        ]);
      });

      test('an order that never reserved, or was released, is refused', async () => {
        const product = await inventory.addProduct(10);
        assert.deepEqual(await commit('c2'), refused('order-closed'));
        await reserve('c2', [product, 4]);
        await release('c2');
        assert.deepEqual(await commit('c2'), refused('order-closed'));
        await assertStock(product, 10, 0);
      });
    });

    describe('releasing', () => {
      test('frees what is held, once, and closes the order', async () => {
        const product = await inventory.addProduct(10);
        await reserve('l1', [product, 4]);
        assert.equal(await release('l1'), true);
        assert.equal(await release('l1'), false);
        assert.deepEqual(await reserve('l1', [product, 4]), refused('order-closed'));
        await assertStock(product, 10, 0);
      });

      test('takes a sale back, once, and records the return', async () => {
        const a = await inventory.addProduct(10);
        const b = await inventory.addProduct(10);
        await reserve('l2', [a, 4], [b, 1]);
        await commit('l2');
        assert.equal(await release('l2'), true);
        assert.equal(await release('l2'), false);
        await assertStock(a, 10, 0);
        assert.deepEqual(
          (await inventory.movementsOf(a)).map((movement) => [movement.kind, movement.quantity]),
          [
            ['initial', 10],
            ['sale', -4],
            ['return', 4],
          ],
        );
      });

      test('an order nobody knows refuses a reserve that arrives later', async () => {
        const product = await inventory.addProduct(10);
        assert.equal(await release('l3'), false);
        assert.deepEqual(await reserve('l3', [product, 1]), refused('order-closed'));
        assert.deepEqual(await commit('l3'), refused('order-closed'));
        await assertStock(product, 10, 0);
      });

      test('at the same time as reserving leaves nothing held, whichever comes first', async () => {
        const product = await inventory.addProduct(10);
        for (let round = 0; round < 10; round += 1) {
          await Promise.all([reserve(`l4-${round}`, [product, 1]), release(`l4-${round}`)]);
          assert.equal(await inventory.statusOf(`l4-${round}`), 'released');
        }
        await assertStock(product, 10, 0);
      });
    });

    describe('expiry', () => {
      test('frees what is overdue and nothing else', async () => {
        const product = await inventory.addProduct(10);
        await reserve('e1', [product, 1]);
        await reserve('e2', [product, 2]);
        await expire('e1');
        assert.equal(await inventory.stock.expireDue(10), 0);
        await assertStock(product, 10, 2);
      });

      test('does not stop a commit as long as the goods are still there', async () => {
        const product = await inventory.addProduct(10);
        await reserve('e3', [product, 4]);
        await expire('e3');
        assert.deepEqual(await commit('e3'), ok('committed'));
        await assertStock(product, 6, 0);
      });

      test('makes a commit fail when others bought them; then the order may still be closed', async () => {
        const product = await inventory.addProduct(5);
        await reserve('e4', [product, 4]);
        await expire('e4');
        await reserve('e5', [product, 4]);
        assert.deepEqual(await commit('e4'), refused('out-of-stock'));
        assert.equal(await release('e4'), false);
        assert.deepEqual(await commit('e4'), refused('order-closed'));
        assert.deepEqual(await commit('e5'), ok('committed'));
        await assertStock(product, 1, 0);
      });

      test('of a reservation lets the same order reserve again', async () => {
        const product = await inventory.addProduct(5);
        await reserve('e6', [product, 4]);
        await expire('e6');
        assert.deepEqual(await reserve('e6', [product, 4]), ok('reserved'));
        assert.equal(await inventory.statusOf('e6'), 'held');
        await assertStock(product, 5, 4);
      });

      test('by several jobs at once frees each reservation once', async () => {
        const product = await inventory.addProduct(20);
        for (let order = 0; order < 12; order += 1) {
          await reserve(`e8-${order}`, [product, 1]);
          await inventory.makeOverdue(`e8-${order}`);
        }
        const freed = await Promise.all([1, 2, 3, 4].map(() => inventory.stock.expireDue(4)));
        const rest = await inventory.stock.expireDue(12);
        assert.equal(
          freed.reduce((sum, count) => sum + count, rest),
          12,
        );
        await assertStock(product, 20, 0);
      });
    });

    describe('a count', () => {
      test('sets the quantity on hand and records the difference and who counted', async () => {
        const product = await inventory.addProduct(10);
        assert.deepEqual(await inventory.stock.setOnHand(product, 25, 'admin-1'), {
          ok: true,
          value: { onHand: 25, reserved: 0 },
        });
        assert.deepEqual((await inventory.movementsOf(product)).at(-1), {
          kind: 'adjustment',
          quantity: 15,
          actor: 'admin-1',
        });
        await assertStock(product, 25, 0);
      });

      test('below what is reserved is refused', async () => {
        const product = await inventory.addProduct(10);
        await reserve('s1', [product, 4]);
        assert.deepEqual(await inventory.stock.setOnHand(product, 3, 'test'), refused('stock-reserved'));
        assert.deepEqual(await inventory.stock.setOnHand('no-such', 3, 'test'), refused('product-not-found'));
        await assertStock(product, 10, 4);
      });
    });

    describe('under contention', () => {
      test('fifty buyers of ten pieces: exactly ten get one', async () => {
        const product = await inventory.addProduct(10);
        const answers = await Promise.all(
          Array.from({ length: 50 }, (_, buyer) => reserve(`buyer-${buyer}`, [product, 1])),
        );
        assert.equal(answers.filter((answer) => answer.ok).length, 10);
        assert.deepEqual(
          answers.filter((answer) => !answer.ok),
          Array(40).fill(refused('out-of-stock')),
        );
        await assertStock(product, 10, 10);
      });
    });
  });
