import { on } from '@flotilla/messaging';
import type { Transaction } from '@flotilla/postgres';
import {
  couponRedeemed,
  couponRefused,
  couponReleased,
  inventoryCommitted,
  inventoryReleased,
  inventoryReservationFailed,
  inventoryReserved,
  paymentFailed,
  paymentProcessed,
  paymentRefunded,
  shipmentCreated,
  shipmentRefused,
} from '@shop/contracts';
import type { Heard, Report } from '../domain/order-process.ts';

/** Every event that the order process listens to, and what it says of the order. */
export function listenToParticipants(
  hear: (tx: Transaction, orderId: string, heard: Heard) => Promise<void>,
) {
  return [
    on(inventoryReserved, ({ data }, tx) => hear(tx, data.orderId, reported('reserved'))),
    on(couponRedeemed, ({ data }, tx) => hear(tx, data.orderId, reported('redeemed'))),
    on(paymentProcessed, ({ data }, tx) => hear(tx, data.orderId, reported('paid'))),
    on(inventoryCommitted, ({ data }, tx) => hear(tx, data.orderId, reported('taken'))),
    on(shipmentCreated, ({ data: { orderId, shipmentId } }, tx) =>
      hear(tx, orderId, { kind: 'shipped', shipmentId }),
    ),

    on(inventoryReservationFailed, ({ data }, tx) => hear(tx, data.orderId, refused(data.reason))),
    on(couponRefused, ({ data }, tx) => hear(tx, data.orderId, refused(data.reason))),
    on(paymentFailed, ({ data }, tx) => hear(tx, data.orderId, refused('payment-declined'))),
    on(shipmentRefused, ({ data }, tx) => hear(tx, data.orderId, refused(data.reason))),

    on(inventoryReleased, ({ data }, tx) => hear(tx, data.orderId, reported('released'))),
    on(couponReleased, ({ data }, tx) => hear(tx, data.orderId, reported('unredeemed'))),
    on(paymentRefunded, ({ data }, tx) => hear(tx, data.orderId, reported('refunded'))),
  ];
}

function reported(report: Exclude<Report, 'shipped'>): Heard {
  return { kind: 'reported', report };
}

function refused(reason: string): Heard {
  return { kind: 'refused', reason };
}
