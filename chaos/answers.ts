import { bySql, type ClientRecord, type Invariant, type System, type Violation } from './invariant.ts';

export const answers: readonly Invariant[] = [
  {
    id: 'M6',
    what: 'what clients were answered is what the orders say; a refused request left no order',
    holds: 'at-rest',
    needs: ['order'],
    find: findOtherHistory,
  },
  bySql({
    id: 'M7',
    what: 'an Idempotency-Key of a customer makes one order',
    holds: 'always',
    database: 'order',
    sql: `SELECT customer_id, idempotency_key, count(*)::int AS orders FROM order_view
          GROUP BY customer_id, idempotency_key HAVING count(*) > 1`,
  }),
];

interface PlacedOrder {
  readonly id: string;
  readonly status: string;
  readonly idempotency_key: string;
}

async function findOtherHistory(system: System): Promise<Violation[]> {
  if (!system.history) return [];
  const orders = await system.read<PlacedOrder>(
    'order',
    'SELECT id, status, idempotency_key FROM order_view',
  );
  const byKey = Map.groupBy(orders, (order) => order.idempotency_key);
  return system.history.flatMap((record) => contradictions(record, byKey.get(record.key) ?? []));
}

/** What a status says about the order behind it. */
const EXPECTED: Readonly<Record<number, readonly string[]>> = {
  201: ['Confirmed'],
  202: ['Confirmed', 'Cancelled'],
  422: ['Cancelled'],
};

function contradictions({ key, answers }: ClientRecord, orders: readonly PlacedOrder[]): Violation[] {
  const found = orders.map((order) => `${order.id} ${order.status}`).join(', ') || 'no order';
  return answers
    .filter(({ status, orderId }) => {
      const [order] = orders;
      if (orderId === '') return orders.length > 0;
      return orders.length !== 1 || order?.id !== orderId || !(EXPECTED[status] ?? []).includes(order.status);
    })
    .map((answer) => ({ key, ...answer, found }));
}
