import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type DocumentServer, findDocumentServer } from '../../shop/inventory/test/document-server.ts';
import { assertSound } from './assert-sound.ts';
import { placeOrders, seededRandom } from './order-load.ts';
import { killAndAwaitReturn, type RunningSystem, startSystem } from './running-system.ts';

const SEED = Number(process.env['DOCUMENTS_SEED'] ?? Date.now() % 1_000_000);
const start = findDocumentServer();

if (start !== undefined)
  describe(`the shop with its inventory in documents (DOCUMENTS_SEED=${SEED})`, () => {
    let server: DocumentServer;
    let system: RunningSystem;
    before(async () => {
      server = await start();
      system = await startSystem({ env: { INVENTORY_MONGODB_URL: `${server.uri}/inventory` } });
    });
    after(async () => {
      await system?.stop();
      await server?.close();
    });

    it('shows its products and counts them', async () => {
      const page = await system.call('GET', '/products?q=mug&sort=price&limit=3');
      assert.equal(page.status, 200);
      const token = await system.token('admin');
      const counted = await system.call('PUT', '/products/sku-0050/stock', { token, body: { onHand: 7 } });
      assert.equal(counted.status, 200);
      const left = await system.call('GET', '/products/sku-0050/availability');
      assert.equal(left.body.currentStock, 7);
      assert.deepEqual(await system.sql('inventory', 'SELECT FROM product'), []);
    });

    it('ends every order and keeps every invariant while service and server are killed', async () => {
      let killing = true;
      const load = placeOrders(system, {
        clients: 4,
        pauseMs: 200,
        atLeast: 30,
        goOn: () => killing,
        random: seededRandom(SEED),
      });
      try {
        await killAndAwaitReturn(system, 'inventory');
        await server.crash?.();
        await killAndAwaitReturn(system, 'inventory');
      } finally {
        killing = false;
      }
      const records = await load;
      assert.ok(records.some(({ answers }) => answers[0]?.status === 201));
      await assertSound(system, records);
    });
  });
