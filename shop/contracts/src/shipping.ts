import { defineRoute } from '@flotilla/http';
import * as s from '@flotilla/kernel/schema';
import { defineMessage } from '@flotilla/messaging';
import { canShip } from './access.ts';
import { addressSchema, orderId, productId, quantity } from './common.ts';

/** Idempotent by order id. */
export const createShipment = defineRoute({
  operationId: 'createShipment',
  method: 'PUT',
  path: '/internal/shipments/:orderId',
  priority: 'critical',
  summary: 'Create the shipment of an order',
  access: canShip,
  params: s.object({ orderId }),
  body: s.object({
    address: addressSchema,
    items: s.array(s.object({ productId, quantity }), { minItems: 1, maxItems: 50 }),
  }),
  responses: {
    200: s.object({ status: s.literal('created'), shipmentId: s.string(), trackingNumber: s.string() }),
    422: s.object({ status: s.literal('refused'), reason: s.string() }),
  },
});

export const shipmentCreated = defineMessage({
  type: 'shipment.created.v1',
  description: 'The shipment of an order exists.',
  key: (shipment) => shipment.orderId,
  schema: s.object({ orderId, shipmentId: s.string(), trackingNumber: s.string() }),
});

export const shipmentRefused = defineMessage({
  type: 'shipment.refused.v1',
  description: 'An order cannot be shipped, now or ever.',
  key: (shipment) => shipment.orderId,
  schema: s.object({ orderId, reason: s.string({ description: 'shipping-unavailable' }) }),
});
