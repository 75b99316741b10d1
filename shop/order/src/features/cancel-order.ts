import { crashPoint } from '@flotilla/kernel';
import type { Database, Transaction } from '@flotilla/postgres';
import { isTerminal, type Order } from '../domain/order.ts';
import type { OrderStore } from '../order-store.ts';
import type { AwaitOrder } from './await-order.ts';

export type CancelOrderOutcome =
  | { readonly kind: 'cancelled'; readonly order: Order }
  /** Asked for and certain to be decided, but a step that is running must end first. */
  | { readonly kind: 'requested'; readonly order: Order }
  | { readonly kind: 'too-late' }
  | { readonly kind: 'not-found' };

export interface CancelOrderDeps {
  readonly db: Database;
  readonly orders: OrderStore;
  /** Asks the order's process to turn around; it decides against the shipment under its own lock. */
  readonly requestCancellation: (
    tx: Transaction,
    orderId: string,
  ) => Promise<'requested' | 'too-late' | 'ended'>;
  readonly awaitOrder: AwaitOrder;
}

/** How long the client waits for refund and release before it gets `202`. */
const WAIT_MS = 10_000;

export function createCancelOrder(
  deps: CancelOrderDeps,
): (orderId: string, customerId: string, signal: AbortSignal) => Promise<CancelOrderOutcome> {
  return async (orderId, customerId, signal) => {
    const order = await deps.orders.find(orderId, customerId);
    if (!order) return { kind: 'not-found' };
    // An order that has ended says so itself: its process may have been forgotten long ago.
    if (isTerminal(order.status)) return outcomeOf(order);
    // The process locks itself before its order, everywhere: locking the order here would be a deadlock to wait for.
    const decision = await deps.db.transaction(async (tx) => {
      const decided = await deps.requestCancellation(tx, orderId);
      crashPoint('order.before-cancel-commit');
      return decided;
    });
    crashPoint('order.after-cancel-commit');
    if (decision === 'too-late') return { kind: 'too-late' };
    const ended = await deps.awaitOrder.ended(orderId, customerId, WAIT_MS, signal);
    if (ended === undefined)
      return { kind: 'requested', order: await deps.awaitOrder.now(orderId, customerId) };
    return outcomeOf(ended);
  };
}

function outcomeOf(ended: Order): CancelOrderOutcome {
  return ended.status === 'Cancelled' ? { kind: 'cancelled', order: ended } : { kind: 'too-late' };
}
