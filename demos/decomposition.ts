import { claim, defineDemo } from '@flotilla/cli';
import { openShop } from './shop.ts';

const PARTS = [
  ['order', 'SELECT status FROM order_view WHERE id::text = $1'],
  ['inventory', 'SELECT status FROM reservation WHERE order_id = $1'],
  ['payment', 'SELECT status FROM payment WHERE order_id = $1'],
  ['shipping', 'SELECT status FROM shipment WHERE order_id = $1'],
] as const;

export const decomposition = defineDemo({
  name: 'decomposition',
  chapter: '2.1',
  does: 'Places one order and shows which part of it each business capability knows.',
  look: ['the console, Orders', 'docs/architecture.md', 'flotilla.config.ts'],
  without: 'One model for all: stock, money and parcels in one table that every team changes.',
  prepare: openShop,
  act: async (stage, shop) => {
    const order = await shop.placeOrder();
    const id = String(order.body.id);
    const parts = [];
    for (const [service, sql] of PARTS) {
      const [row] = await shop.sql<{ status: string }>(service, sql, [id]);
      stage.say(`${service}: ${row?.status}`);
      parts.push({ service, status: row?.status });
    }
    return { order, parts };
  },
  check: ({ order, parts }) => [
    claim('the order is confirmed', order.status === 201, String(order.body.id)),
    ...parts.map(({ service, status }) =>
      claim(`${service} knows its part`, status !== undefined, String(status)),
    ),
  ],
});
