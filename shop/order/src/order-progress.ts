import type { Clock, Money } from '@flotilla/kernel';
import type { Outbox } from '@flotilla/messaging';
import type { Transaction } from '@flotilla/postgres';
import { type OrderStatus, orderCancelled, orderConfirmed } from '@shop/contracts';
import { type Customer, isTerminal, type Order, type OrderLine, type UsedCoupon } from './domain/order.ts';
import { orderError } from './errors.ts';
import type { OrderStore } from './order-store.ts';
import type { OrderWatch } from './order-watch.ts';

/** What an order's process has to know of the order to the end, so that nothing has to read it again. */
export interface OrderFacts {
  readonly orderId: string;
  readonly customer: Customer;
  readonly idempotencyKey: string;
  readonly lines: readonly OrderLine[];
  readonly total: Money;
  readonly coupon?: UsedCoupon;
}

export interface OrderProgressDeps {
  readonly orders: OrderStore;
  readonly outbox: Outbox;
  /** Who waits for the end of an order. */
  readonly watch: OrderWatch;
  /** Who follows each of its steps. */
  readonly live: OrderWatch;
  readonly clock: Clock;
}

/**
 * The ways in which an order moves on, whatever flow moves it: in the caller's transaction, with the event that
 * belongs to it. A move that is not legal throws `ORDER_ILLEGAL_TRANSITION`.
 */
export interface OrderProgress {
  advance(tx: Transaction, facts: OrderFacts, to: OrderStatus): Promise<void>;
  confirm(tx: Transaction, facts: OrderFacts, shipmentId: string): Promise<void>;
  cancel(tx: Transaction, facts: OrderFacts, reason: string): Promise<void>;
}

export function createOrderProgress({
  orders,
  outbox,
  watch,
  live,
  clock,
}: OrderProgressDeps): OrderProgress {
  async function move(tx: Transaction, orderId: string, to: OrderStatus, reason?: string): Promise<string> {
    const at = clock.now();
    if (!(await orders.advance(tx, orderId, to, at, reason))) {
      throw orderError('ORDER_ILLEGAL_TRANSITION', `order cannot become ${to}`, { orderId, to });
    }
    tx.afterCommit(() => {
      live.changed(orderId);
      if (isTerminal(to)) watch.changed(orderId);
    });
    return at.toISOString();
  }

  return {
    advance: async (tx, { orderId }, to) => {
      await move(tx, orderId, to);
    },
    confirm: async (tx, facts, shipmentId) => {
      const confirmedAt = await move(tx, facts.orderId, 'Confirmed');
      await outbox.publish(tx, orderConfirmed, { ...eventFacts(facts), shipmentId, confirmedAt });
    },
    cancel: async (tx, facts, reason) => {
      const cancelledAt = await move(tx, facts.orderId, 'Cancelled', reason);
      await outbox.publish(tx, orderCancelled, { ...eventFacts(facts), reason, cancelledAt });
    },
  };
}

export function orderFacts({ id, customer, idempotencyKey, lines, total, agreement }: Order): OrderFacts {
  const { coupon } = agreement ?? {};
  return { orderId: id, customer, idempotencyKey, lines, total, ...(coupon && { coupon }) };
}

/** The facts of an order that its events carry. */
export function eventFacts({ orderId, customer, idempotencyKey, lines, total }: OrderFacts) {
  return {
    orderId,
    customerId: customer.id,
    ...(customer.email !== undefined && { customerEmail: customer.email }),
    ...(customer.name !== undefined && { customerName: customer.name }),
    ...(customer.tenantId !== undefined && { tenantId: customer.tenantId }),
    idempotencyKey,
    items: lines,
    total,
  };
}
