import { handle, ok, problem, type RouteHandler, type RouteReply } from '@flotilla/http';
import { createShipment } from '@shop/contracts';
import { isSameRequest } from './domain/shipment.ts';
import { shipOrder } from './features/ship-order.ts';
import type { ShipmentStore } from './shipment-store.ts';

export function createShippingHandlers(store: ShipmentStore): readonly RouteHandler[] {
  return [
    handle(createShipment, async ({ params, body }): Promise<RouteReply<typeof createShipment>> => {
      const request = { orderId: params.orderId, address: body.address, items: body.items };
      const shipment = await shipOrder(store, request);
      if (!isSameRequest(shipment, request))
        return problem(
          409,
          'shipment-mismatch',
          'The order has a shipment with another address or other items.',
        );
      if (shipment.status === 'refused')
        return { status: 422, body: { status: 'refused', reason: shipment.reason } };
      return ok({ status: 'created', shipmentId: shipment.id, trackingNumber: shipment.trackingNumber });
    }),
  ];
}
