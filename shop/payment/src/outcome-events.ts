import type { MessageType, Outbox } from '@flotilla/messaging';
import type { Database, Queryable, Transaction } from '@flotilla/postgres';
import { orderFactId, paymentFailed, paymentProcessed, paymentRefunded } from '@shop/contracts';
import { type Announcement, announcementOf, type Payment } from './domain/payment.ts';
import type { PaymentStore } from './payment-store.ts';

export interface OutcomeEventsDeps {
  readonly db: Database;
  readonly storeOn: (queryable: Queryable) => PaymentStore;
  readonly outbox: Outbox;
}

/**
 * The store of payments, which tells the outcome of those that run by events: the event is published in the
 * transaction that records the outcome, whoever records it.
 */
export function announceOutcomes({ db, storeOn, outbox }: OutcomeEventsDeps): PaymentStore {
  const store = storeOn(db);
  return {
    ...store,
    change: async (payment, change, holder) => {
      const announcement = payment.byEvents && announcementOf(payment, change);
      if (!announcement) return await store.change(payment, change, holder);
      return await db.transaction(async (tx) => {
        const changed = await storeOn(tx).change(payment, change, holder);
        if (changed) await publishOutcome(outbox, tx, payment, announcement);
        return changed;
      });
    },
  };
}

export async function publishOutcome(
  outbox: Outbox,
  tx: Transaction,
  { id: paymentId, orderId }: Payment,
  announcement: Announcement,
): Promise<void> {
  async function tell<T extends { readonly orderId: string }>(type: MessageType<T>, data: T): Promise<void> {
    await outbox.publish(tx, type, data, { id: orderFactId(type, data) });
  }
  switch (announcement.kind) {
    case 'processed':
      return await tell(paymentProcessed, { orderId, paymentId });
    case 'failed':
      return await tell(paymentFailed, { orderId, paymentId, reason: announcement.reason });
    case 'refunded':
      return await tell(paymentRefunded, { orderId, outcome: announcement.outcome });
  }
}
