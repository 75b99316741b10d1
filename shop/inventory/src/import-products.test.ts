import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { childEnvironment } from '@flotilla/kernel/testing';
import { createTestInventory } from '../test/inventories.ts';
import { importProducts, readProducts } from './features/import-products.ts';

const product = (id: string, more: object = {}) => ({
  id,
  name: `Name of ${id}`,
  description: 'One line.\nAnd another.',
  price: { amountMinor: 1_000, currency: 'EUR' },
  onHand: 5,
  ...more,
});

describe('importing products', () => {
  let inventory: Awaited<ReturnType<typeof createTestInventory>>;
  let folder: string;
  before(async () => {
    inventory = await createTestInventory();
    folder = await mkdtemp(join(tmpdir(), 'import-products-'));
  });
  after(async () => {
    await inventory.close();
    await rm(folder, { recursive: true });
  });

  it('adds what is new, changes what differs and leaves the stock of what is there', async () => {
    const list = Array.from({ length: 1_203 }, (_, index) => product(`sku-${index}`));
    assert.deepEqual(await importProducts(inventory, list), { added: 1_203, changed: 0 });
    await inventory.stock.setOnHand('sku-7', 3, 'somebody');
    assert.deepEqual(await importProducts(inventory, list), { added: 0, changed: 0 });
    const cheaper = list.map((one) => ({ ...one, price: { amountMinor: 900, currency: 'EUR' } }));
    const merged = await importProducts(inventory, [...cheaper.slice(0, 10), product('sku-new')]);
    assert.deepEqual(merged, { added: 1, changed: 10 });
    assert.equal((await inventory.catalogue.find('sku-7'))?.price.amountMinor, 900);
    assert.equal((await inventory.stock.find('sku-7'))?.onHand, 3);
    assert.equal((await inventory.stock.find('sku-new'))?.onHand, 5);
    assert.deepEqual(await inventory.movementsOf('sku-new'), [
      { kind: 'initial', quantity: 5, actor: 'import-products' },
    ]);
    assert.deepEqual(await inventory.findBrokenInvariants(), []);
  });

  it('names everything that is wrong with a list at once', () => {
    const wrong = [
      product('good'),
      product('not good'),
      product('a', { price: { amountMinor: -1, currency: 'euro' } }),
      { id: 'b' },
      product('good'),
      product('c', { name: 'two\nlines', onHand: 1.5 }),
      product('d', { description: 'a\u0000b' }),
    ];
    const read = readProducts(JSON.stringify(wrong));
    assert.ok(!read.ok);
    const places = read.rejection.map((problem) => problem.split(' ')[0]);
    assert.deepEqual(places.toSorted(), [
      '/1/id',
      '/2/price/amountMinor',
      '/2/price/currency',
      '/3/description',
      '/3/name',
      '/3/onHand',
      '/3/price',
      '/4/id',
      '/5/name',
      '/5/onHand',
      '/6/description',
    ]);
    for (const none of ['', '{}', 'null', '[1', '[null]']) assert.equal(readProducts(none).ok, false, none);
    assert.equal(readProducts(`\uFEFF${JSON.stringify([product('bom')])}`).ok, true);
  });

  it('is a program that takes the example, and changes nothing when a list is not usable', async () => {
    const run = async (...args: readonly string[]) => {
      const program = join(import.meta.dirname, 'tasks/import-products.ts');
      const child = spawn(process.execPath, [program, ...args], {
        env: { ...childEnvironment(), DATABASE_URL: inventory.uri },
      });
      const [out, error, [code]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, 'exit'),
      ]);
      return { code, out: out + error };
    };
    const example = join(import.meta.dirname, '../products.example.json');
    assert.match((await run(example)).out, /^2 added, 0 changed, 0 unchanged/);
    assert.deepEqual(await run(example), {
      code: 0,
      out: '0 added, 0 changed, 2 unchanged. What was there keeps its stock.\n',
    });
    const file = join(folder, 'wrong.json');
    await writeFile(file, JSON.stringify([product('never'), product('never', { onHand: -1 })]));
    const refused = await run(file);
    assert.equal(refused.code, 1);
    assert.match(refused.out, /wrong\.json is not usable, nothing was changed:\n {2}\/1\/onHand must/);
    assert.equal(await inventory.catalogue.find('never'), undefined);
    assert.match((await run(join(folder, 'none.json'))).out, /cannot be read: ENOENT.*\(TASK_REFUSED\)/);
    assert.equal((await run()).code, 2);
  });
});
