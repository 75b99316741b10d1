import type { Transaction } from '@flotilla/postgres';
import { defineSaga, type SagaDefinition, type SagaReason, type SagaStep } from '@flotilla/saga';
import type { OrderStatus } from '@shop/contracts';
import type { Address, Order } from '../domain/order.ts';
import { type OrderFacts, type OrderProgress, orderFacts } from '../order-progress.ts';
import type { Participants } from '../participants.ts';

/** Everything the process needs to know, so that no step has to read the order again. */
export interface PlaceOrderData extends OrderFacts {
  readonly shippingAddress: Address;
  readonly paymentToken: string;
  readonly shipmentId?: string;
}

export interface PlaceOrderSagaDeps {
  readonly participants: Participants;
  readonly progress: OrderProgress;
  /** When an order that has not been shipped by then is cancelled. */
  readonly deadlineMs: number;
}

/** Longer than the payment service needs to ask a silent provider what happened. */
export const CHARGE_TIMEOUT_MS = 12_000;

/** Orders that this service works on at once. */
export const ORDERS_AT_ONCE = 64;
/** Of them those that wait for the payment service: a slow provider leaves places to every other step. */
const CHARGE_PLACES = 48;

/**
 * The order process: reserve, use the coupon, charge, take the stock, ship. Orders without a coupon have a saga without
 * that step. What fails before the shipment is undone in
 * reverse. The shipment is the pivot: from there on the order is sold. See docs/adr/0014-shipment-is-the-pivot.md.
 */
export function definePlaceOrderSaga(
  deps: PlaceOrderSagaDeps,
  { withCoupon = false } = {},
): SagaDefinition<PlaceOrderData> {
  const { participants, progress } = deps;
  const advance = async (tx: Transaction, data: PlaceOrderData, to: OrderStatus) => {
    await progress.advance(tx, data, to);
    return data;
  };
  return defineSaga<PlaceOrderData>({
    type: withCoupon ? 'place-order-with-coupon' : 'place-order',
    version: 1,
    deadlineMs: deps.deadlineMs,
    fairBy: ({ customer }) => customer.id,
    steps: (step) => [
      step({
        name: 'reserve-stock',
        timeoutMs: 3_000,
        do: ({ orderId, lines }, call) => participants.reserveStock(orderId, lines, call.signal),
        undo: ({ orderId }, call) => participants.releaseStock(orderId, call.signal),
        onDone: (tx, data) => advance(tx, data, 'InventoryReserved'),
      }),
      ...(withCoupon ? [step(redeemingCoupon(participants))] : []),
      step({
        name: 'charge-payment',
        timeoutMs: CHARGE_TIMEOUT_MS,
        places: CHARGE_PLACES,
        do: ({ orderId, total, paymentToken, customer }, call) =>
          participants.charge(orderId, { amount: total, token: paymentToken, customer }, call.signal),
        undo: ({ orderId }, call) => participants.refund(orderId, call.signal),
        onDone: (tx, data) => advance(tx, data, 'PaymentProcessed'),
      }),
      step({
        name: 'commit-stock',
        timeoutMs: 3_000,
        // Undone by the release of the first step, which also takes back a sale.
        do: ({ orderId }, call) => participants.commitStock(orderId, call.signal),
      }),
      step({
        name: 'create-shipment',
        pivot: true,
        timeoutMs: 3_000,
        do: ({ orderId, shippingAddress, lines }, call) =>
          participants.ship(orderId, { address: shippingAddress, lines }, call.signal),
        onDone: (_tx, data, { shipmentId }) => ({ ...data, shipmentId }),
      }),
    ],
    onCompleted: (tx, data) => progress.confirm(tx, data, data.shipmentId ?? ''),
    onCompensated: (tx, data, reason) => progress.cancel(tx, data, toCancellationReason(reason)),
  });
}

/** Before the charge: what the customer agreed to pay is only right if the coupon can be used. */
function redeemingCoupon(participants: Participants): SagaStep<PlaceOrderData> {
  return {
    name: 'redeem-coupon',
    timeoutMs: 3_000,
    do: async ({ orderId, coupon, customer }, call) =>
      coupon === undefined
        ? { ok: true, result: null }
        : await participants.redeemCoupon(orderId, { ...coupon, customerId: customer.id }, call.signal),
    undo: ({ orderId }, call) => participants.releaseCoupon(orderId, call.signal),
  };
}

/** What the saga of a newly accepted order starts with. */
export function placeOrderData(order: Order, payment: { readonly token: string }): PlaceOrderData {
  return { ...orderFacts(order), shippingAddress: order.shippingAddress, paymentToken: payment.token };
}

/** The public code of a cancellation: what a participant or the customer said; never the name of a fault. */
function toCancellationReason(reason: SagaReason): string {
  if (reason.kind === 'deadline') return 'order-expired';
  return reason.kind === 'fault' ? 'processing-failed' : reason.code;
}
