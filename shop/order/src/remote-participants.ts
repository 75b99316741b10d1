import { createGrpcClient, type GrpcClient } from '@flotilla/grpc';
import type { HttpClient } from '@flotilla/http';
import { openClient, type ServiceContext } from '@flotilla/service';
import { chargePayment, createShipment, lookUpProducts, refundPayment } from '@shop/contracts';
import { InventoryService } from '@shop/contracts/gen/inventory';
import { CHARGE_TIMEOUT_MS } from './features/place-order-saga.ts';
import type { Participants } from './participants.ts';
import { pricingOver } from './remote-pricing.ts';

interface Clients {
  readonly inventory: GrpcClient<typeof InventoryService>;
  readonly catalogue: HttpClient;
  readonly pricing: HttpClient;
  readonly payment: HttpClient;
  readonly shipping: HttpClient;
}

/** The participants over the network. Every call carries deadline, trace and a token of this service. */
export function connectParticipants(service: ServiceContext<unknown>): Participants {
  const { pick, tokens, metrics, edges, defer } = service;
  const token = tokens('inventory.write');
  const inventory = createGrpcClient(InventoryService, { service: 'inventory', pick, metrics, token, edges });
  defer('client of inventory by gRPC', () => inventory.close());
  return participantsOver({
    inventory,
    catalogue: openClient(service, 'inventory', { scope: 'inventory.read', timeoutMs: 3_000 }),
    pricing: openClient(service, 'pricing', { scope: 'pricing.write', timeoutMs: 3_000 }),
    payment: openClient(service, 'payment', { scope: 'payment.write', timeoutMs: CHARGE_TIMEOUT_MS }),
    shipping: openClient(service, 'shipping', { scope: 'shipping.write', timeoutMs: 3_000 }),
  });
}

function participantsOver({ inventory, catalogue, pricing, payment, shipping }: Clients): Participants {
  return {
    ...pricingOver(pricing),
    lookUpProducts: async (ids, signal) => {
      const answer = await catalogue.call(lookUpProducts, { body: { ids } }, { signal, idempotent: true });
      return answer.body.items;
    },
    reserveStock: async (orderId, lines, signal) => {
      const wanted = lines.map(({ productId, quantity }) => ({ productId, quantity }));
      const { success, reason } = await inventory.reserveStock({ orderId, lines: wanted }, { signal });
      return success ? { ok: true, result: null } : { ok: false, reason: { code: reason } };
    },
    releaseStock: async (orderId, signal) => {
      await inventory.releaseStock({ orderId }, { signal });
    },
    commitStock: async (orderId, signal) => {
      const { success, reason } = await inventory.commitStock({ orderId }, { signal });
      return success ? { ok: true, result: null } : { ok: false, reason: { code: reason } };
    },
    charge: async (orderId, { amount, token, customer }, signal) => {
      const body = { amount, payment: { token }, customerId: customer.id };
      const answer = await payment.call(chargePayment, { params: { orderId }, body }, { signal });
      const { status, paymentId } = answer.body;
      return status === 'captured'
        ? { ok: true, result: { paymentId } }
        : { ok: false, reason: { code: 'payment-declined' } };
    },
    refund: async (orderId, signal) => {
      await payment.call(refundPayment, { params: { orderId } }, { signal });
    },
    ship: async (orderId, { address, lines }, signal) => {
      const items = lines.map(({ productId, quantity }) => ({ productId, quantity }));
      const answer = await shipping.call(
        createShipment,
        { params: { orderId }, body: { address, items } },
        { signal },
      );
      if (answer.status === 422) return { ok: false, reason: { code: answer.body.reason } };
      return { ok: true, result: { shipmentId: answer.body.shipmentId } };
    },
  };
}
