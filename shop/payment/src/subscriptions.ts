import type { NewId } from '@flotilla/kernel';
import { type Outbox, on } from '@flotilla/messaging';
import type { Queryable, Transaction } from '@flotilla/postgres';
import {
  inventoryReserved,
  orderAnswerId,
  orderCancellationRequested,
  orderPaymentAuthorized,
  paymentRefunded,
} from '@shop/contracts';
import { createChargeRequestStore } from './charge-request-store.ts';
import { refundAnswer } from './domain/payment.ts';
import { closeOrder } from './features/refund-order.ts';
import type { PaymentStore } from './payment-store.ts';

interface CancellationRequest {
  readonly id: string;
  readonly data: { readonly orderId: string };
}

export interface SubscriptionDeps {
  readonly storeOn: (queryable: Queryable) => PaymentStore;
  readonly outbox: Outbox;
  readonly newId: NewId;
  /** There is a payment to settle with the provider. */
  readonly onOpen: () => void;
}

/**
 * Payment's part in an order that runs by events. A handler only records what is to be done: the provider is
 * remote, so the resolver of open payments talks to it afterwards and tells the outcome.
 */
export function paymentSubscriptions({ storeOn, outbox, newId, onOpen }: SubscriptionDeps) {
  const requests = createChargeRequestStore(newId);

  async function close(tx: Transaction, request: CancellationRequest): Promise<void> {
    const { orderId } = request.data;
    await requests.withdraw(tx, orderId);
    const store = storeOn(tx);
    const holder = newId();
    const closed = await closeOrder(store, orderId, holder);
    if (closed !== undefined && closed !== 'voided') {
      await store.handOver(closed.id, holder);
      return tx.afterCommit(onOpen);
    }
    const payment = await store.find(orderId);
    const outcome = payment && refundAnswer(payment);
    // Nothing to give back, or given back before. Else it is being given back, and whoever does it tells.
    if (!outcome) return;
    const refunded = { orderId, outcome };
    await outbox.publish(tx, paymentRefunded, refunded, { id: orderAnswerId(paymentRefunded, request) });
  }

  return [
    on(orderPaymentAuthorized, async ({ data: { orderId, customerId, amount, payment } }, tx) => {
      const intent = { orderId, customerId, amount, token: payment.token };
      if (await requests.authorize(tx, intent)) tx.afterCommit(onOpen);
    }),
    on(inventoryReserved, async ({ data: { orderId } }, tx) => {
      if (await requests.stockReserved(tx, orderId)) tx.afterCommit(onOpen);
    }),
    on(orderCancellationRequested, async (request, tx) => await close(tx, request)),
  ];
}
