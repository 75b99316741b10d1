import { crashPoint, PlatformError } from '@flotilla/kernel';
import { type Outbox, on } from '@flotilla/messaging';
import type { Database, Transaction } from '@flotilla/postgres';
import type { Logger } from '@flotilla/telemetry';
import {
  inventoryCommitted,
  inventoryReleased,
  inventoryReservationFailed,
  inventoryReserved,
  orderCancellationRequested,
  orderPaymentAuthorized,
  orderRequested,
  orderShippingGranted,
  paymentFailed,
  paymentProcessed,
  paymentRefunded,
  shipmentCreated,
  shipmentRefused,
} from '@shop/contracts';
import type { Address, Order, OrderLine } from '../domain/order.ts';
import { answerCancel, type Consequence, decide, type Heard, type Report } from '../domain/order-process.ts';
import { type OrderFacts, type OrderProgress, orderFacts } from '../order-progress.ts';
import type { ProcessStore, StoredProcess } from '../process-store.ts';

/** What an order that runs by events has to know until it ends. Its payment token is with the payment service only. */
export interface ChoreographyData extends OrderFacts {
  readonly shippingAddress: Address;
}

export interface OrderChoreographyDeps {
  readonly db: Database;
  readonly processes: ProcessStore<ChoreographyData>;
  readonly progress: OrderProgress;
  readonly outbox: Outbox;
  readonly logger: Logger;
  /** An order that may not be shipped by then is cancelled. */
  readonly deadlineMs: number;
}

/**
 * The order process without an orchestrator. The order is requested and its payment authorized; inventory reserves,
 * payment charges what is reserved, inventory takes what is paid, each on the news of the other. The order service
 * only listens, and decides two things under the lock of its process row: that the order may be shipped, which
 * is the point of no return, or that it is cancelled, whereupon everybody gives back what they took.
 * See docs/choreography.md.
 */
export function createOrderChoreography(deps: OrderChoreographyDeps) {
  const { db, processes, outbox } = deps;

  /** Starts a newly accepted order, in the transaction that accepts it. */
  async function begin(tx: Transaction, order: Order, payment: { readonly token: string }): Promise<void> {
    const { id: orderId, customer, total, lines, shippingAddress } = order;
    await processes.begin(tx, orderId, { ...orderFacts(order), shippingAddress }, deps.deadlineMs);
    const asRoot = { correlationId: orderId };
    await outbox.publish(tx, orderRequested, { orderId, items: quantities(lines) }, asRoot);
    const authorization = { orderId, customerId: customer.id, amount: total, payment };
    await outbox.publish(tx, orderPaymentAuthorized, authorization, asRoot);
  }

  const subscriptions = [
    on(inventoryReserved, ({ data }, tx) => hear(tx, data.orderId, reported('reserved'))),
    on(paymentProcessed, ({ data }, tx) => hear(tx, data.orderId, reported('paid'))),
    on(inventoryCommitted, ({ data }, tx) => hear(tx, data.orderId, reported('taken'))),
    on(shipmentCreated, ({ data: { orderId, shipmentId } }, tx) =>
      hear(tx, orderId, { kind: 'shipped', shipmentId }),
    ),

    on(inventoryReservationFailed, ({ data }, tx) => hear(tx, data.orderId, refused(data.reason))),
    on(paymentFailed, ({ data }, tx) => hear(tx, data.orderId, refused('payment-declined'))),
    on(shipmentRefused, ({ data }, tx) => hear(tx, data.orderId, refused(data.reason))),

    on(inventoryReleased, ({ data }, tx) => hear(tx, data.orderId, reported('released'))),
    on(paymentRefunded, ({ data }, tx) => hear(tx, data.orderId, reported('refunded'))),
  ];

  async function hear(tx: Transaction, orderId: string, heard: Heard): Promise<void> {
    const stored = await processes.lock(tx, orderId);
    if (!stored)
      throw new PlatformError('ORDER_MISSING', 'there is no such order that runs by events', {
        details: { orderId },
      });
    await react(tx, stored, heard);
  }

  async function react(
    tx: Transaction,
    { orderId, process, data }: StoredProcess<ChoreographyData>,
    heard: Heard,
  ): Promise<void> {
    const decision = decide(process, heard);
    if (decision.process === process) return;
    await processes.save(tx, orderId, decision.process);
    // An order that has ended has no data any more, and there is nothing left that could follow.
    if (data) for (const consequence of decision.consequences) await follow(tx, data, consequence);
  }

  async function follow(tx: Transaction, data: ChoreographyData, consequence: Consequence): Promise<void> {
    const { orderId, lines, shippingAddress: address } = data;
    const asRoot = { correlationId: orderId };
    switch (consequence.kind) {
      case 'advance':
        return await deps.progress.advance(tx, data, consequence.to);
      case 'grant-shipping':
        await outbox.publish(
          tx,
          orderShippingGranted,
          { orderId, items: quantities(lines), address },
          asRoot,
        );
        crashPoint('order.before-grant-commit');
        return tx.afterCommit(() => crashPoint('order.after-grant-commit'));
      case 'request-cancellation':
        deps.logger.info({ orderId, reason: consequence.reason }, 'an order is being cancelled');
        await outbox.publish(tx, orderCancellationRequested, { orderId, reason: consequence.reason }, asRoot);
        crashPoint('order.before-turn-commit');
        return tx.afterCommit(() => crashPoint('order.after-turn-commit'));
      case 'confirm':
        await deps.progress.confirm(tx, data, consequence.shipmentId);
        return crashPoint('order.before-end-commit');
      case 'cancel':
        await deps.progress.cancel(tx, data, consequence.reason);
        return crashPoint('order.before-end-commit');
    }
  }

  /** Decides against the shipment under the same lock that grants it; `undefined`: not an order by events. */
  async function cancel(
    tx: Transaction,
    orderId: string,
    reason: string,
  ): Promise<ReturnType<typeof answerCancel> | undefined> {
    const stored = await processes.lock(tx, orderId);
    if (!stored) return undefined;
    await react(tx, stored, { kind: 'withdrawn', reason });
    return answerCancel(stored.process);
  }

  /** Cancels the orders whose time is over. */
  async function cancelOverdue(): Promise<void> {
    for (let found = BATCH; found === BATCH; ) {
      found = await db.transaction(async (tx) => {
        const overdue = await processes.lockOverdue(tx, BATCH);
        for (const stored of overdue) await react(tx, stored, { kind: 'withdrawn', reason: 'order-expired' });
        return overdue.length;
      });
    }
  }

  return { begin, subscriptions, cancel, cancelOverdue };
}

const BATCH = 50;

function reported(report: Exclude<Report, 'shipped'>): Heard {
  return { kind: 'reported', report };
}

function refused(reason: string): Heard {
  return { kind: 'refused', reason };
}

function quantities(lines: readonly OrderLine[]) {
  return lines.map(({ productId, quantity }) => ({ productId, quantity }));
}
