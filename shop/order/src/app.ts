import { createEventStore, createProjectionRunner, type ProjectionRunner } from '@flotilla/event-store';
import type { RouteHandler } from '@flotilla/http';
import type { Clock, NewId } from '@flotilla/kernel';
import type { Outbox } from '@flotilla/messaging';
import type { Database } from '@flotilla/postgres';
import { createSagaEngine, type SagaEngine } from '@flotilla/saga';
import type { Logger, Metrics } from '@flotilla/telemetry';
import { orderPlaced } from '@shop/contracts';
import { createAwaitOrder } from './features/await-order.ts';
import { createCancelOrder } from './features/cancel-order.ts';
import { createPlaceOrder } from './features/place-order.ts';
import {
  CANCELLED_BY_CUSTOMER,
  definePlaceOrderSaga,
  orderFacts,
  placeOrderData,
} from './features/place-order-saga.ts';
import { orderRoutes } from './http.ts';
import { createIdempotencyStore } from './idempotency-store.ts';
import { orderView } from './order-projection.ts';
import { createOrderStore } from './order-store.ts';
import { createOrderWatch } from './order-watch.ts';
import type { Participants } from './participants.ts';

export interface OrderAppDeps {
  readonly db: Database;
  readonly outbox: Outbox;
  readonly participants: Participants;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly instanceId: string;
  readonly orderDeadlineMs: number;
}

export interface OrderApp {
  readonly handlers: readonly RouteHandler[];
  readonly sagas: SagaEngine;
  /** Rebuilds `order_view` when an operator asks for it. */
  readonly projections: ProjectionRunner;
  /** Forgets idempotency keys that are older than promised. */
  forgetOldKeys(days: number): Promise<void>;
}

/** Wires the order service out of its parts; nothing runs until `sagas.run()` and `projections.start()`. */
export function createOrderApp(deps: OrderAppDeps): OrderApp {
  const { db, outbox, participants, clock, newId } = deps;
  const projections = [orderView];
  const orders = createOrderStore(db, createEventStore({ projections }));
  const keys = createIdempotencyStore(db);
  const watch = createOrderWatch(clock);
  const awaitOrder = createAwaitOrder(orders, watch);
  const saga = definePlaceOrderSaga({
    participants,
    orders,
    outbox,
    watch,
    clock,
    deadlineMs: deps.orderDeadlineMs,
  });
  const sagas = createSagaEngine({ ...deps, definitions: [saga] });

  const placeOrder = createPlaceOrder({
    db,
    orders,
    keys,
    awaitOrder,
    clock,
    newId,
    lookUpProducts: (ids, signal) => participants.lookUpProducts(ids, signal),
    begin: async (tx, order, payment) => {
      const data = placeOrderData(order, payment);
      const placedAt = order.createdAt.toISOString();
      await outbox.publish(tx, orderPlaced, { ...orderFacts(data), placedAt }, { correlationId: order.id });
      await sagas.start(tx, saga, { id: order.id, data });
    },
  });
  const cancelOrder = createCancelOrder({
    db,
    orders,
    awaitOrder,
    requestCancellation: (tx, orderId) => sagas.cancel(tx, orderId, { code: CANCELLED_BY_CUSTOMER }),
  });
  return {
    handlers: orderRoutes({ orders, placeOrder, cancelOrder }),
    sagas,
    projections: createProjectionRunner({ ...deps, projections }),
    forgetOldKeys: (days) => keys.prune(days),
  };
}
