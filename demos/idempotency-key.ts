import { randomUUID } from 'node:crypto';
import { claim, defineDemo } from '@flotilla/cli';
import { openShop } from './shop.ts';

export const idempotencyKey = defineDemo({
  name: 'idempotency-key',
  chapter: 'quick reference, Retry',
  does: 'Sends the same order twice, as a client does that has heard no answer.',
  look: ['POST /orders with Idempotency-Key', 'docs/data.md'],
  without: 'The customer clicks twice, or a proxy repeats, and two parcels come.',
  prepare: openShop,
  act: async (_stage, shop) => {
    const key = randomUUID();
    const first = await shop.placeOrder({ key });
    const again = await shop.placeOrder({ key });
    const other = await shop.placeOrder({ key, quantity: 2 });
    const captures = await shop.sql('payment', 'SELECT FROM payment WHERE order_id = $1', [
      String(first.body.id),
    ]);
    return { first, again, other, captures };
  },
  check: ({ first, again, other, captures }) => [
    claim(
      'both have the same answer',
      JSON.stringify(first.body) === JSON.stringify(again.body),
      `${first.status}, ${again.status}`,
    ),
    claim('it was charged once', captures.length === 1, `${captures.length} payments`),
    claim(
      'another order under that key is refused',
      other.body.code === 'idempotency-key-reused',
      `${other.status} ${other.body.code}`,
    ),
  ],
});
