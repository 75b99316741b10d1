import { createEventStore, createProjectionRunner, type ProjectionRunner } from '@flotilla/event-store';
import type { RouteHandler } from '@flotilla/http';
import type { Clock, NewId } from '@flotilla/kernel';
import type { Outbox } from '@flotilla/messaging';
import type { Database } from '@flotilla/postgres';
import { createSagaEngine, type SagaEngine } from '@flotilla/saga';
import type { Logger, Metrics } from '@flotilla/telemetry';
import { orderPlaced } from '@shop/contracts';
import type { OrderFlow } from './config.ts';
import type { ChoreographyData } from './features/ask-participants.ts';
import { createAwaitOrder } from './features/await-order.ts';
import { createCancelMovedOrder, createSettleCancellation } from './features/cancel-moved-order.ts';
import { createCancelOrder } from './features/cancel-order.ts';
import { createFollowOrder } from './features/follow-order.ts';
import { createMoveOrder, createMoveRound } from './features/move-legacy-orders.ts';
import { createOrderChoreography } from './features/order-choreography.ts';
import { createPlaceOrder } from './features/place-order.ts';
import { definePlaceOrderSaga, ORDERS_AT_ONCE, placeOrderData } from './features/place-order-saga.ts';
import { orderRoutes } from './http.ts';
import { createIdempotencyStore } from './idempotency-store.ts';
import type { LegacyOrders } from './legacy-orders.ts';
import { createMovedOrderStore } from './moved-order-store.ts';
import { createOrderProgress, eventFacts, orderFacts } from './order-progress.ts';
import { orderView } from './order-projection.ts';
import { createOrderStore } from './order-store.ts';
import { createOrderWatch } from './order-watch.ts';
import type { Participants } from './participants.ts';
import { peopleRoutes } from './people.ts';
import { createProcessStore } from './process-store.ts';

export interface OrderAppDeps {
  readonly db: Database;
  readonly outbox: Outbox;
  readonly participants: Participants;
  /** The monolith that orders are taken over from. */
  readonly legacy: LegacyOrders;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly instanceId: string;
  readonly orderDeadlineMs: number;
  /** How new orders run. An order keeps the flow it was placed with. */
  readonly flow: OrderFlow;
}

export interface OrderApp {
  readonly handlers: readonly RouteHandler[];
  /** Runs the orders with an orchestrator. */
  readonly sagas: SagaEngine;
  /** Rebuilds `order_view` when an operator asks for it. */
  readonly projections: ProjectionRunner;
  /** Move the orders that run by events. */
  readonly subscriptions: ReturnType<typeof createOrderChoreography>['subscriptions'];
  /** Cancels the orders by events whose time is over; sagas watch theirs themselves. */
  cancelOverdue(): Promise<void>;
  /** Asks participants again about orders by events that stand still; sagas try their steps again themselves. */
  askStandingStill(): Promise<void>;
  /** A round of the move of the monolith's orders, if it is wanted. */
  moveLegacyOrders(signal: AbortSignal): Promise<void>;
  /** Forgets idempotency keys that are older than promised. */
  forgetOldKeys(days: number): Promise<void>;
}

/** How late somebody who follows an order sees what another replica did. */
const LIVE_POLL_MS = 500;
const CANCELLED_BY_CUSTOMER = 'cancelled-by-customer';

/**
 * Wires the order service out of its parts; nothing runs until `sagas.run()` and `projections.start()`. Both flows are
 * there, whatever new orders take.
 */
export function createOrderApp(deps: OrderAppDeps): OrderApp {
  const { db, outbox, participants, clock, newId } = deps;
  const projections = [orderView];
  const orders = createOrderStore(db, createEventStore({ projections }));
  const keys = createIdempotencyStore(db);
  const watch = createOrderWatch(clock);
  const live = createOrderWatch(clock, LIVE_POLL_MS);
  const awaitOrder = createAwaitOrder(orders, watch);
  const progress = createOrderProgress({ orders, outbox, watch, live, clock });
  const deadlineMs = deps.orderDeadlineMs;
  const saga = definePlaceOrderSaga({ participants, progress, deadlineMs });
  const sagaWithCoupon = definePlaceOrderSaga({ participants, progress, deadlineMs }, { withCoupon: true });
  const sagas = createSagaEngine({
    ...deps,
    definitions: [saga, sagaWithCoupon],
    concurrency: ORDERS_AT_ONCE,
  });
  const processes = createProcessStore<ChoreographyData>();
  const askedAgain = deps.metrics.counter(
    'order_asked_again_total',
    'Questions repeated because an order that runs by events stood still.',
    ['stage'],
    '{question}',
  );
  const choreography = createOrderChoreography({
    ...deps,
    ...{ processes, progress, deadlineMs },
    onAskedAgain: (stage) => askedAgain.inc({ stage }),
  });

  const placeOrder = createPlaceOrder({
    db,
    orders,
    keys,
    awaitOrder,
    clock,
    newId,
    lookUpProducts: (ids, signal) => participants.lookUpProducts(ids, signal),
    agreeOnPrice: (asked, signal) => participants.agreeOnPrice(asked, signal),
    begin: async (tx, order, payment) => {
      const placed = { ...eventFacts(orderFacts(order)), placedAt: order.createdAt.toISOString() };
      await outbox.publish(tx, orderPlaced, placed, { correlationId: order.id });
      if (deps.flow === 'choreography') return await choreography.begin(tx, order, payment);
      await sagas.start(tx, order.agreement?.coupon ? sagaWithCoupon : saga, {
        id: order.id,
        data: placeOrderData(order, payment),
      });
    },
  });
  const cancelOrder = createCancelOrder({
    db,
    orders,
    awaitOrder,
    requestCancellation: async (tx, orderId) =>
      (await choreography.cancel(tx, orderId, CANCELLED_BY_CUSTOMER)) ??
      (await sagas.cancel(tx, orderId, { code: CANCELLED_BY_CUSTOMER })),
  });
  const moved = createMovedOrderStore(db);
  const { legacy, logger } = deps;
  const moveOrder = createMoveOrder({ legacy, moved });
  const settle = createSettleCancellation({ legacy, moved });
  return {
    handlers: [
      ...orderRoutes({
        ...{ orders, moved },
        cancelMovedOrder: createCancelMovedOrder({ legacy, moved, moveOrder, settle, clock, logger }),
        placeOrder,
        cancelOrder,
        followOrder: createFollowOrder({ orders, live, clock }),
      }),
      ...peopleRoutes(db),
    ],
    sagas,
    projections: createProjectionRunner({ ...deps, projections }),
    subscriptions: choreography.subscriptions,
    cancelOverdue: choreography.cancelOverdue,
    askStandingStill: choreography.askStandingStill,
    moveLegacyOrders: createMoveRound({ db, legacy, moved, moveOrder, settle }),
    forgetOldKeys: (days) => keys.prune(days),
  };
}
