import assert from 'node:assert/strict';
import { it } from 'node:test';
import { inOrder } from './supervisor.ts';

it('steps run after what they depend on, and the others at the same time', async () => {
  const before: Record<string, string[]> = { gateway: ['order', 'stock'], order: ['stock'] };
  const running = new Set<string>();
  const order: string[] = [];
  let most = 0;
  await inOrder(
    ['gateway', 'order', 'stock', 'mail'],
    (name) => before[name] ?? [],
    async (name) => {
      running.add(name);
      most = Math.max(most, running.size);
      await new Promise((resolve) => setImmediate(resolve));
      running.delete(name);
      order.push(name);
    },
  );
  assert.ok(order.indexOf('stock') < order.indexOf('order'));
  assert.equal(order.at(-1), 'gateway');
  assert.equal(most, 2, 'stock and mail');
});
