import { createGrpcClient, type GrpcClient } from '@flotilla/grpc';
import { createHttpClient, type HttpClient } from '@flotilla/http';
import type { ServiceContext } from '@flotilla/service';
import { chargePayment, createShipment, lookUpProducts, refundPayment } from '@shop/contracts';
import { InventoryService } from '@shop/contracts/gen/inventory';
import { CHARGE_TIMEOUT_MS } from './features/place-order-saga.ts';
import type { Participants } from './participants.ts';

type Connections = Pick<ServiceContext<unknown>, 'pick' | 'tokens' | 'logger' | 'metrics'>;

interface Clients {
  readonly inventory: GrpcClient<typeof InventoryService>;
  readonly catalogue: HttpClient;
  readonly payment: HttpClient;
  readonly shipping: HttpClient;
}

export interface RemoteParticipants extends Participants {
  close(): Promise<void>;
}

/** The participants over the network. Every call carries deadline, trace and a token of this service. */
export function connectParticipants({ pick, tokens, logger, metrics }: Connections): RemoteParticipants {
  const client = (service: string, scope: string, timeoutMs: number) =>
    createHttpClient({ service, pick, logger, metrics, token: tokens(scope), timeoutMs });
  const clients = {
    inventory: createGrpcClient(InventoryService, {
      service: 'inventory',
      pick,
      metrics,
      token: tokens('inventory.write'),
    }),
    catalogue: client('inventory', 'inventory.read', 3_000),
    payment: client('payment', 'payment.write', CHARGE_TIMEOUT_MS),
    shipping: client('shipping', 'shipping.write', 3_000),
  };
  return {
    ...participantsOver(clients),
    close: async () => {
      clients.inventory.close();
      await Promise.all([clients.catalogue.close(), clients.payment.close(), clients.shipping.close()]);
    },
  };
}

function participantsOver({ inventory, catalogue, payment, shipping }: Clients): Participants {
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
