import type { GrpcClient } from '@flotilla/grpc';
import type { HttpClient } from '@flotilla/http';
import { chargePayment, createShipment, lookUpProducts, refundPayment } from '@shop/contracts';
import type { InventoryService } from '@shop/contracts/gen/inventory';
import type { Participants } from './participants.ts';

export interface ParticipantClients {
  readonly inventory: GrpcClient<typeof InventoryService>;
  readonly catalogue: HttpClient;
  readonly payment: HttpClient;
  readonly shipping: HttpClient;
}

/** The participants as they are reached over the network. Clients carry deadline, trace and service token. */
export function createRemoteParticipants({
  inventory,
  catalogue,
  payment,
  shipping,
}: ParticipantClients): Participants {
  return {
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
