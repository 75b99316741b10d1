import { crashPoint } from '@flotilla/kernel';
import { decideShipment, type Shipment, type ShipmentRequest } from '../domain/shipment.ts';
import type { ShipmentStore } from '../shipment-store.ts';

/** Ships an order once. A refusal is recorded too, so that a repetition is told the same. */
export async function shipOrder(store: ShipmentStore, request: ShipmentRequest): Promise<Shipment> {
  const known = await store.find(request.orderId);
  if (known) return known;
  const decision = decideShipment(request);
  crashPoint('shipping.before-shipment-commit');
  const shipment = await store.record(request, decision.ok ? undefined : decision.rejection);
  crashPoint('shipping.after-shipment-commit');
  return shipment;
}
