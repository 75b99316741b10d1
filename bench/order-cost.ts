import { setTimeout as delay } from 'node:timers/promises';
import { placeOrder, type RunningSystem } from '../test/system/running-system.ts';

/** What one order costs, as PostgreSQL counts it. */
export interface OrderCost {
  /** Committed transactions in all databases, without those of a system that has nothing to do. */
  readonly transactions: number;
  /** Published by all services. */
  readonly messages: number;
  /** Messages × their subscribers. */
  readonly deliveries: number;
}

const SERVICES = ['identity', 'inventory', 'order', 'payment', 'shipping', 'cart', 'notification'];
/** PostgreSQL's processes report what they counted once a second. */
const SETTLE_MS = 3_000;

/** Places orders one after the other, then does nothing for as long, and compares the two. */
export async function measureOrderCost(system: RunningSystem, orders: number): Promise<OrderCost> {
  const before = await count(system);
  const begin = performance.now();
  for (let n = 0; n < orders; n += 1) {
    const answer = await placeOrder(system, { sku: 'sku-0011' });
    if (answer.status !== 201) throw new Error(`an order was answered ${answer.status}`);
  }
  await delay(SETTLE_MS);
  const busyMs = performance.now() - begin;
  const after = await count(system);
  const idleBegin = performance.now();
  await delay(busyMs);
  const idle = await count(system);
  const idleShare = busyMs / (performance.now() - idleBegin);
  return {
    transactions:
      (after.transactions - before.transactions - (idle.transactions - after.transactions) * idleShare) /
      orders,
    messages: (after.messages - before.messages) / orders,
    deliveries: (after.deliveries - before.deliveries) / orders,
  };
}

async function count(system: RunningSystem): Promise<OrderCost> {
  const transactions = await single(
    system,
    'order',
    "SELECT sum(xact_commit)::float8 AS count FROM pg_stat_database WHERE datname !~ '^(postgres|template)'",
  );
  const published = SERVICES.map((service) => inserted(system, service, 'outbox'));
  return {
    transactions,
    messages: (await Promise.all(published)).reduce((sum, each) => sum + each, 0),
    deliveries: await inserted(system, 'bus', 'delivery'),
  };
}

async function inserted(system: RunningSystem, service: string, table: string): Promise<number> {
  return await single(
    system,
    service,
    `SELECT coalesce(sum(n_tup_ins), 0)::float8 AS count FROM pg_stat_user_tables WHERE relname = '${table}'`,
  );
}

async function single(system: RunningSystem, service: string, sql: string): Promise<number> {
  const [row] = await system.sql(service, sql);
  return Number(row?.['count'] ?? 0);
}
