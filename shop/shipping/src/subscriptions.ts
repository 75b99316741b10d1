import type { NewId } from '@flotilla/kernel';
import { type Outbox, on } from '@flotilla/messaging';
import { orderAnswerId, orderShippingGranted, shipmentCreated, shipmentRefused } from '@shop/contracts';
import { isSameRequest } from './domain/shipment.ts';
import { shippingError } from './errors.ts';
import { shipOrder } from './features/ship-order.ts';
import { createShipmentStore } from './shipment-store.ts';

export interface SubscriptionDeps {
  readonly outbox: Outbox;
  readonly newId: NewId;
}

/** Shipping's part in an order that runs by events: ships what is granted, and tells it in the same transaction. */
export function shippingSubscriptions({ outbox, newId }: SubscriptionDeps) {
  return [
    on(orderShippingGranted, async ({ id, data: request }, tx) => {
      const { orderId } = request;
      const shipment = await shipOrder(createShipmentStore(tx, newId), request);
      if (!isSameRequest(shipment, request))
        throw shippingError(
          'SHIPMENT_MISMATCH',
          'the order was shipped to another address or with other items',
          {
            orderId,
          },
        );
      if (shipment.status === 'refused') {
        const refused = { orderId, reason: shipment.reason };
        await outbox.publish(tx, shipmentRefused, refused, { id: orderAnswerId(shipmentRefused, { id }) });
      } else {
        const created = { orderId, shipmentId: shipment.id, trackingNumber: shipment.trackingNumber };
        await outbox.publish(tx, shipmentCreated, created, { id: orderAnswerId(shipmentCreated, { id }) });
      }
    }),
  ];
}
