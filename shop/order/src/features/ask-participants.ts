import type { Outbox } from '@flotilla/messaging';
import type { Transaction } from '@flotilla/postgres';
import {
  orderCancellationRequested,
  orderCouponPresented,
  orderRequested,
  orderShippingGranted,
} from '@shop/contracts';
import type { Address, OrderLine } from '../domain/order.ts';
import type { Question } from '../domain/order-process.ts';
import type { OrderFacts } from '../order-progress.ts';

/** What an order that runs by events has to know until it ends. Its payment token is with the payment service only. */
export interface ChoreographyData extends OrderFacts {
  readonly shippingAddress: Address;
}

/** Asks the participants to do something; asked again, they only say that it has been done. */
export function createAsking(outbox: Outbox) {
  return async (tx: Transaction, data: ChoreographyData, question: Question): Promise<void> => {
    const { orderId, customer, lines, coupon, shippingAddress: address } = data;
    const asRoot = { correlationId: orderId };
    const items = quantities(lines);
    switch (question.kind) {
      case 'request-stock':
        return void (await outbox.publish(tx, orderRequested, { orderId, items }, asRoot));
      case 'present-coupon': {
        if (coupon === undefined) return;
        const presented = {
          orderId,
          customerId: customer.id,
          coupon: coupon.code,
          discount: coupon.discount,
        };
        return void (await outbox.publish(tx, orderCouponPresented, presented, asRoot));
      }
      case 'grant-shipping':
        return void (await outbox.publish(tx, orderShippingGranted, { orderId, items, address }, asRoot));
      case 'request-cancellation': {
        const { reason } = question;
        const request = { orderId, reason, ...(coupon && { coupon: coupon.code }) };
        return void (await outbox.publish(tx, orderCancellationRequested, request, asRoot));
      }
    }
  };
}

function quantities(lines: readonly OrderLine[]) {
  return lines.map(({ productId, quantity }) => ({ productId, quantity }));
}
