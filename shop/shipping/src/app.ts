import { handle, ok, problem, type RouteHandler, type RouteReply } from '@flotilla/http';
import { crashPoint } from '@flotilla/kernel';
import { createShipment } from '@shop/contracts';
import { decideShipment, isSameRequest, type Shipment, type ShipmentRequest } from './domain/shipment.ts';
import type { ShipmentStore } from './shipment-store.ts';

export interface ShippingDeps {
  readonly store: ShipmentStore;
}

export function createShippingApp({ store }: ShippingDeps): { readonly handlers: readonly RouteHandler[] } {
  return {
    handlers: [
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
    ],
  };
}

/** Ships an order once. A refusal is recorded too, so that a repetition is told the same. */
async function shipOrder(store: ShipmentStore, request: ShipmentRequest): Promise<Shipment> {
  const known = await store.find(request.orderId);
  if (known) return known;
  const decision = decideShipment(request);
  crashPoint('shipping.before-shipment-commit');
  const shipment = await store.record(request, decision.ok ? undefined : decision.rejection);
  crashPoint('shipping.after-shipment-commit');
  return shipment;
}
