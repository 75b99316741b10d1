import { type MessageType, type Outbox, on } from '@flotilla/messaging';
import type { Transaction } from '@flotilla/postgres';
import type { Counter } from '@flotilla/telemetry';
import {
  inventoryCommitted,
  inventoryReleased,
  inventoryReservationFailed,
  inventoryReserved,
  orderAnswerId,
  orderCancellationRequested,
  orderRequested,
  paymentProcessed,
} from '@shop/contracts';
import { commitStock } from './features/commit-stock.ts';
import { releaseStock } from './features/release-stock.ts';
import { type ReserveRejection, reserveStock } from './features/reserve-stock.ts';
import type { StockStore } from './stock-store.ts';

export interface SubscriptionDeps {
  readonly stock: StockStore;
  readonly reservationTtlSeconds: number;
  readonly outbox: Outbox;
  /** By `operation` and `outcome`. */
  readonly operations: Counter;
}

/**
 * The stock's part in an order that runs by events. Every handler does what the gRPC method of the same name does,
 * in the transaction of the message, and tells the outcome in it.
 */
export function inventorySubscriptions({
  stock,
  reservationTtlSeconds,
  outbox,
  operations,
}: SubscriptionDeps) {
  const within = (tx: Transaction) => ({ stock: stock.within(tx), reservationTtlSeconds });
  const count = (operation: string, outcome: string) => operations.inc({ operation, outcome });

  async function tell<T>(
    tx: Transaction,
    type: MessageType<T>,
    data: T,
    question: { readonly id: string },
  ): Promise<void> {
    await outbox.publish(tx, type, data, { id: orderAnswerId(type, question) });
  }

  return [
    on(orderRequested, async ({ id, data: { orderId, items } }, tx) => {
      const result = await reserveStock(within(tx), orderId, items);
      count('reserve', result.ok ? result.value : result.rejection);
      if (result.ok) await tell(tx, inventoryReserved, { orderId }, { id });
      else
        await tell(tx, inventoryReservationFailed, { orderId, reason: toReason(result.rejection) }, { id });
    }),

    // Paid: what is shipped later must have left the stock before, or an expired reservation could oversell.
    on(paymentProcessed, async ({ id, data: { orderId } }, tx) => {
      const result = await commitStock(within(tx), orderId);
      count('commit', result.ok ? result.value : result.rejection);
      if (result.ok) await tell(tx, inventoryCommitted, { orderId }, { id });
      else await tell(tx, inventoryReservationFailed, { orderId, reason: result.rejection }, { id });
    }),

    on(orderCancellationRequested, async ({ id, data: { orderId } }, tx) => {
      const released = await releaseStock(within(tx), orderId);
      count('release', released ? 'released' : 'nothing-to-release');
      await tell(tx, inventoryReleased, { orderId }, { id });
    }),
  ];
}

/** That an order is known with other lines is a defect, and none of its customer's business. */
function toReason(rejection: ReserveRejection): string {
  return rejection === 'other-lines' ? 'processing-failed' : rejection;
}
