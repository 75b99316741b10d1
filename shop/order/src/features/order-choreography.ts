import { crashPoint } from '@flotilla/kernel';
import type { Outbox } from '@flotilla/messaging';
import type { Database, Transaction } from '@flotilla/postgres';
import type { Logger } from '@flotilla/telemetry';
import { orderPaymentAuthorized } from '@shop/contracts';
import type { Order } from '../domain/order.ts';
import {
  answerCancel,
  askAgain,
  type Consequence,
  decide,
  type Heard,
  newProcess,
  openQuestions,
  type Stage,
} from '../domain/order-process.ts';
import { orderError } from '../errors.ts';
import { type OrderProgress, orderFacts } from '../order-progress.ts';
import type { ProcessStore, StoredProcess } from '../process-store.ts';
import { type ChoreographyData, createAsking } from './ask-participants.ts';
import { eachAlone } from './each-alone.ts';
import { listenToParticipants } from './participants-news.ts';

export interface OrderChoreographyDeps {
  readonly db: Database;
  readonly processes: ProcessStore<ChoreographyData>;
  readonly progress: OrderProgress;
  readonly outbox: Outbox;
  readonly logger: Logger;
  /** An order that may not be shipped by then is cancelled. */
  readonly deadlineMs: number;
  /** Participants are asked once more about an order that stands still in this stage. */
  readonly onAskedAgain: (stage: Stage) => void;
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
  const ask = createAsking(outbox);

  /** Starts a newly accepted order, in the transaction that accepts it. */
  async function begin(tx: Transaction, order: Order, payment: { readonly token: string }): Promise<void> {
    const { id: orderId, customer, total, shippingAddress } = order;
    const data = { ...orderFacts(order), shippingAddress };
    const process = newProcess(data.coupon !== undefined);
    await processes.begin(tx, orderId, process, data, deps.deadlineMs);
    for (const question of openQuestions(process)) await ask(tx, data, question);
    const authorization = { orderId, customerId: customer.id, amount: total, payment };
    await outbox.publish(tx, orderPaymentAuthorized, authorization, { correlationId: orderId });
  }

  const subscriptions = listenToParticipants(hear);

  async function hear(tx: Transaction, orderId: string, heard: Heard): Promise<void> {
    const stored = await processes.lock(tx, orderId);
    if (!stored)
      throw orderError('ORDER_FLOW_MISMATCH', 'there is no such order that runs by events', { orderId });
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
    const { orderId } = data;
    switch (consequence.kind) {
      case 'advance':
        return await deps.progress.advance(tx, data, consequence.to);
      case 'grant-shipping':
        await ask(tx, data, consequence);
        crashPoint('order.before-grant-commit');
        return tx.afterCommit(() => crashPoint('order.after-grant-commit'));
      case 'request-cancellation':
        deps.logger.info({ orderId, reason: consequence.reason }, 'an order is being cancelled');
        await ask(tx, data, consequence);
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
  function cancelOverdue(): Promise<void> {
    const withdrawn: Heard = { kind: 'withdrawn', reason: 'order-expired' };
    return eachAlone(db, processes.lockOverdue, (tx, stored) => react(tx, stored, withdrawn));
  }

  /**
   * Asks what an order still waits for once more when nothing has been heard for long: the question or its answer may
   * have been given up at a participant. Money and stock are asked back until both are there.
   */
  function askStandingStill(): Promise<void> {
    return eachAlone(db, processes.takeStandingStill, async (tx, stored) => {
      const { orderId, process, data, silentSeconds } = stored;
      const questions = silentSeconds < STANDS_STILL_SECONDS ? [] : askAgain(process);
      if (questions.length === 0 || !data) return;
      for (const question of questions) await ask(tx, data, question);
      const facts = { orderId, stage: process.stage, reports: process.reports, silentSeconds };
      deps.logger.warn(facts, 'an order stands still, its participants are asked again');
      deps.onAskedAgain(process.stage);
    });
  }

  return { begin, subscriptions, cancel, cancelOverdue, askStandingStill };
}

const STANDS_STILL_SECONDS = 30;
