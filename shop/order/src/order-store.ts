import { createAggregate, type EventStore } from '@flotilla/event-store';
import { isUuid } from '@flotilla/kernel';
import type { Database, Transaction } from '@flotilla/postgres';
import type { OrderStatus } from '@shop/contracts';
import { type Order, orderDecider } from './domain/order.ts';
import { orderEvents } from './order-events.ts';
import { type OrderRow, toOrder } from './order-rows.ts';

/** Where orders live. Writes happen in the caller's transaction, together with outbox and saga. */
export interface OrderStore {
  insert(tx: Transaction, order: Order): Promise<void>;
  /**
   * Moves an order on if the transition is legal from where it stands now; returns whether it moved.
   * Writers of one order wait for each other, so two cannot both win.
   */
  advance(
    tx: Transaction,
    orderId: string,
    to: OrderStatus,
    at: Date,
    cancellationReason?: string,
  ): Promise<boolean>;
  /** An order of this customer; somebody else's order is not found. */
  find(orderId: string, customerId: string): Promise<Order | undefined>;
  /** Orders of a customer, newest first, after the order `afterId`. */
  list(customerId: string, limit: number, afterId?: string): Promise<readonly Order[]>;
}

/** Writes events and reads `order_view`, which each of them updates in its own transaction. */
export function createOrderStore(db: Database, events: EventStore): OrderStore {
  const orders = createAggregate({ store: events, category: orderEvents, decider: orderDecider });
  return {
    insert: async (tx, order) => {
      const decision = orderDecider.decide({ kind: 'place', order }, orderDecider.initial);
      if (!decision.ok) throw new RangeError('a new order can be placed');
      const options = { expect: 'none', correlationId: order.id } as const;
      await events.append(tx, orderEvents.stream(order.id), decision.value, options);
    },
    advance: async (tx, orderId, to, at, reason) => {
      const command = { kind: 'advance', to, at, ...(reason !== undefined && { reason }) } as const;
      const decision = await orders.execute(tx, orderId, command, { correlationId: orderId });
      return decision.ok;
    },
    find: async (orderId, customerId) => {
      if (!isUuid(orderId)) return undefined;
      const [row] = await db.query<OrderRow>('SELECT * FROM order_view WHERE id = $1 AND customer_id = $2', [
        orderId,
        customerId,
      ]);
      return row && toOrder(row);
    },
    list: async (customerId, limit, afterId) => {
      const rows = await db.query<OrderRow>(
        `SELECT * FROM order_view WHERE customer_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3`,
        [customerId, afterId ?? null, limit],
      );
      return rows.map(toOrder);
    },
  };
}
