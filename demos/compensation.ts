import { claim, defineDemo } from '@flotilla/cli';
import { openShop, until } from './shop.ts';

const LEDGER = `SELECT coalesce(sum(CASE kind WHEN 'capture' THEN 1 ELSE 0 END), 0)::int AS captured,
  coalesce(sum(CASE kind WHEN 'refund' THEN 1 ELSE 0 END), 0)::int AS refunded
  FROM ledger_transaction WHERE payment_id = (SELECT id FROM payment WHERE order_id = $1)`;

interface Ledger extends Record<string, unknown> {
  readonly captured: number;
  readonly refunded: number;
}

export const compensation = defineDemo({
  name: 'compensation',
  chapter: '6.1',
  does: 'Orders something to a country that nobody ships to, which is found out after it was paid.',
  look: ['flotilla saga list order --status compensated', 'the console, Orders', 'docs/data.md'],
  without: 'The customer has paid, the goods are reserved for ever, and there is no parcel.',
  prepare: async (stage) => {
    const shop = await openShop(stage);
    const { body } = await shop.call('GET', '/products/sku-0005/availability?quantity=1');
    return { shop, stockBefore: Number(body.currentStock) };
  },
  act: async (stage, { shop }) => {
    const order = await shop.placeOrder({ sku: 'sku-0005', country: 'XX' });
    const id = String(order.body.orderId);
    stage.say(`order ${id}: ${order.status} ${order.body.code}`);
    const released = await until('the stock is released', async () => {
      const [row] = await shop.sql<{ status: string }>(
        'inventory',
        "SELECT status FROM reservation WHERE order_id = $1 AND status = 'released'",
        [id],
      );
      return row?.status;
    });
    const [ledger] = await shop.sql<Ledger>('payment', LEDGER, [id]);
    const { body } = await shop.call('GET', '/products/sku-0005/availability?quantity=1');
    return { order, released, ledger, stockAfter: Number(body.currentStock) };
  },
  check: ({ order, released, ledger, stockAfter }, { stockBefore }) => [
    claim(
      'the order was refused with its reason',
      order.status === 422 && order.body.code === 'shipping-unavailable',
      `${order.status} ${order.body.code}`,
    ),
    claim(
      'what was captured was refunded',
      ledger?.captured === 1 && ledger.refunded === 1,
      JSON.stringify(ledger),
    ),
    claim('the reservation is released', released === 'released', released),
    claim('as much is in stock as before', stockAfter === stockBefore, `${stockBefore}, then ${stockAfter}`),
  ],
});
