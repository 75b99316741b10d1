import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { restoreKeptSystem } from './kept-system.ts';
import { type RunningSystem, startSystem } from './running-system.ts';

const KEPT = join(import.meta.dirname, 'kept');

describe('a system that a former release left', async () => {
  for (const file of await readdir(KEPT)) {
    it(`starts with its orders, and goes on: ${file}`, async (t) => {
      const dataDir = await mkdtemp(join(tmpdir(), 'flotilla-kept-'));
      await chmod(dataDir, 0o711); // the server does not run as root
      t.after(() => rm(dataDir, { recursive: true, force: true, maxRetries: 10 }));
      await restoreKeptSystem(join(KEPT, file), dataDir);
      const system = await startSystem({ dataDir });
      t.after(() => system.stop());

      const token = await system.token('alice');
      const { body } = await system.call('GET', '/orders', { token });
      const orders = body.items ?? [];
      assert.deepEqual(
        orders.map(({ status }) => status),
        ['Cancelled', 'Confirmed'],
      );
      const placed = await place(system, token, 'after', 'sku-0002', 1);
      assert.ok([201, 202].includes(placed.status), JSON.stringify(placed.body));
      const replayed = await place(system, token, 'kept-tok_ok', 'sku-0001', 2);
      assert.equal(replayed.body.id, orders[1]?.id, 'not ordered again');
    });
  }
});

/** The same body with the same key as in the kept system. */
function place(system: RunningSystem, token: string, key: string, productId: string, quantity: number) {
  return system.call('POST', '/orders', {
    token,
    headers: { 'idempotency-key': key, prefer: 'wait=10' },
    body: {
      items: [{ productId, quantity }],
      payment: { token: 'tok_ok' },
      shippingAddress: {
        name: 'Alice',
        line1: '1 Main Street',
        city: 'Graz',
        postalCode: '8010',
        country: 'AT',
      },
    },
  });
}
