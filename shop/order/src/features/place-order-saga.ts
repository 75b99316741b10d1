import { type Clock, type Money, PlatformError } from '@flotilla/kernel';
import type { Outbox } from '@flotilla/messaging';
import type { Transaction } from '@flotilla/postgres';
import { defineSaga, type SagaDefinition, type SagaReason } from '@flotilla/saga';
import { type OrderStatus, orderCancelled, orderConfirmed } from '@shop/contracts';
import { type Address, type Customer, isTerminal, type Order, type OrderLine } from '../domain/order.ts';
import type { OrderStore } from '../order-store.ts';
import type { OrderWatch } from '../order-watch.ts';
import type { Participants } from '../participants.ts';

/** Everything the process needs to know, so that no step has to read the order again. */
export interface PlaceOrderData {
  readonly orderId: string;
  readonly customer: Customer;
  readonly idempotencyKey: string;
  readonly lines: readonly OrderLine[];
  readonly total: Money;
  readonly shippingAddress: Address;
  readonly paymentToken: string;
  readonly shipmentId?: string;
}

export interface PlaceOrderSagaDeps {
  readonly participants: Participants;
  readonly orders: OrderStore;
  readonly outbox: Outbox;
  readonly watch: OrderWatch;
  readonly clock: Clock;
  /** When an order that has not been shipped by then is cancelled. */
  readonly deadlineMs: number;
}

/** Longer than the payment service needs to ask a silent provider what happened. */
export const CHARGE_TIMEOUT_MS = 12_000;

export const CANCELLED_BY_CUSTOMER = 'cancelled-by-customer';

/**
 * The order process: reserve, charge, take the stock, ship. What fails before the shipment is undone in
 * reverse. The shipment is the pivot: from there on the order is sold. See docs/adr/0014-shipment-is-the-pivot.md.
 */
export function definePlaceOrderSaga(deps: PlaceOrderSagaDeps): SagaDefinition<PlaceOrderData> {
  const { participants } = deps;
  return defineSaga<PlaceOrderData>({
    type: 'place-order',
    version: 1,
    deadlineMs: deps.deadlineMs,
    steps: (step) => [
      step({
        name: 'reserve-stock',
        timeoutMs: 3_000,
        do: ({ orderId, lines }, call) => participants.reserveStock(orderId, lines, call.signal),
        undo: ({ orderId }, call) => participants.releaseStock(orderId, call.signal),
        onDone: (tx, data) => advance(deps, tx, data, 'InventoryReserved'),
      }),
      step({
        name: 'charge-payment',
        timeoutMs: CHARGE_TIMEOUT_MS,
        do: ({ orderId, total, paymentToken, customer }, call) =>
          participants.charge(orderId, { amount: total, token: paymentToken, customer }, call.signal),
        undo: ({ orderId }, call) => participants.refund(orderId, call.signal),
        onDone: (tx, data) => advance(deps, tx, data, 'PaymentProcessed'),
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
    onCompleted: (tx, data) => confirm(deps, tx, data),
    onCompensated: (tx, data, reason) => cancel(deps, tx, data, toCancellationReason(reason)),
  });
}

/** What the saga of a newly accepted order starts with. */
export function placeOrderData(order: Order, payment: { readonly token: string }): PlaceOrderData {
  const { id, customer, idempotencyKey, lines, total, shippingAddress } = order;
  return {
    orderId: id,
    customer,
    idempotencyKey,
    lines,
    total,
    shippingAddress,
    paymentToken: payment.token,
  };
}

/** The facts of an order that its events carry. */
export function orderFacts(
  order: Pick<PlaceOrderData, 'orderId' | 'customer' | 'idempotencyKey' | 'lines' | 'total'>,
) {
  const { customer } = order;
  return {
    orderId: order.orderId,
    customerId: customer.id,
    ...(customer.email !== undefined && { customerEmail: customer.email }),
    ...(customer.name !== undefined && { customerName: customer.name }),
    ...(customer.tenantId !== undefined && { tenantId: customer.tenantId }),
    idempotencyKey: order.idempotencyKey,
    items: order.lines,
    total: order.total,
  };
}

async function advance(
  deps: PlaceOrderSagaDeps,
  tx: Transaction,
  data: PlaceOrderData,
  to: OrderStatus,
): Promise<PlaceOrderData> {
  await move(deps, tx, data, to);
  return data;
}

async function confirm(deps: PlaceOrderSagaDeps, tx: Transaction, data: PlaceOrderData): Promise<void> {
  const at = await move(deps, tx, data, 'Confirmed');
  const shipmentId = data.shipmentId ?? '';
  await deps.outbox.publish(tx, orderConfirmed, {
    ...orderFacts(data),
    shipmentId,
    confirmedAt: at.toISOString(),
  });
}

async function cancel(
  deps: PlaceOrderSagaDeps,
  tx: Transaction,
  data: PlaceOrderData,
  reason: string,
): Promise<void> {
  const at = await move(deps, tx, data, 'Cancelled', reason);
  await deps.outbox.publish(tx, orderCancelled, {
    ...orderFacts(data),
    reason,
    cancelledAt: at.toISOString(),
  });
}

async function move(
  deps: PlaceOrderSagaDeps,
  tx: Transaction,
  { orderId }: PlaceOrderData,
  to: OrderStatus,
  reason?: string,
): Promise<Date> {
  const at = deps.clock.now();
  if (!(await deps.orders.advance(tx, orderId, to, at, reason))) {
    throw new PlatformError('ORDER_ILLEGAL_TRANSITION', `order cannot become ${to}`, {
      details: { orderId, to },
    });
  }
  if (isTerminal(to)) tx.afterCommit(() => deps.watch.ended(orderId));
  return at;
}

/** The public code of a cancellation: what a participant or the customer said; never the name of a fault. */
function toCancellationReason(reason: SagaReason): string {
  if (reason.kind === 'deadline') return 'order-expired';
  return reason.kind === 'fault' ? 'processing-failed' : reason.code;
}
