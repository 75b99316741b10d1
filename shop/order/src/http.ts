import type { Principal } from '@flotilla/auth';
import {
  accepted,
  created,
  handle,
  noContent,
  ok,
  type ProblemReply,
  problem,
  type RouteHandler,
} from '@flotilla/http';
import * as contract from '@shop/contracts';
import { legacyId, legacyNumber } from './domain/moved-order.ts';
import type { Customer, RequestedItem } from './domain/order.ts';
import { parseIdempotencyKey, parseWaitMs } from './domain/request.ts';
import type { createCancelMovedOrder } from './features/cancel-moved-order.ts';
import type { createCancelOrder } from './features/cancel-order.ts';
import type { createFollowOrder } from './features/follow-order.ts';
import { listOrders } from './features/list-orders.ts';
import type { createPlaceOrder, PlaceOrderOutcome } from './features/place-order.ts';
import type { MovedOrder, MovedOrderStore } from './moved-order-store.ts';
import type { OrderResponse } from './order-response.ts';
import type { OrderStore } from './order-store.ts';
import { type OrderView, viewOrder } from './order-view.ts';

export interface OrderRoutes {
  readonly orders: OrderStore;
  readonly moved: MovedOrderStore;
  readonly cancelMovedOrder: ReturnType<typeof createCancelMovedOrder>;
  readonly placeOrder: ReturnType<typeof createPlaceOrder>;
  readonly cancelOrder: ReturnType<typeof createCancelOrder>;
  readonly followOrder: ReturnType<typeof createFollowOrder>;
}

/** The public routes of the order service, and which status each outcome has. */
export function orderRoutes({
  orders,
  moved,
  cancelMovedOrder,
  placeOrder,
  cancelOrder,
  followOrder,
}: OrderRoutes): readonly RouteHandler[] {
  return [
    handle(contract.placeOrder, async ({ body, headers, principal, signal }) => {
      const key = parseIdempotencyKey(headers['idempotency-key']);
      if (!key.ok)
        return problem(400, key.rejection, 'Send an Idempotency-Key header of 1 to 255 visible characters.');
      const request = {
        ...body,
        customer: toCustomer(principal),
        idempotencyKey: key.value,
        waitMs: parseWaitMs(headers.prefer),
      };
      const outcome = await placeOrder(request, signal);
      return outcome.kind === 'answered'
        ? replyAbout(outcome.orderId, outcome.response)
        : replyRefused(outcome.rejection, body.items);
    }),

    handle(contract.getOrder, async ({ params, principal }) => {
      const number = legacyNumber(params.id);
      if (number !== undefined) {
        const order = await moved.find(number, principal.subject);
        return order ? ok(viewMoved(order)) : NOT_FOUND;
      }
      const order = await orders.find(params.id, principal.subject);
      return order ? ok(viewOrder(order)) : NOT_FOUND;
    }),

    handle(contract.watchOrder, async ({ params, headers, principal, signal }) => {
      const last = headers['last-event-id'];
      const outcome = await followOrder({ orderId: params.id, customerId: principal.subject, last }, signal);
      if (outcome.kind === 'not-found') return NOT_FOUND;
      if (outcome.kind === 'over') return noContent();
      return outcome.kind === 'events' ? { status: 200, stream: outcome.events } : TOO_MANY_STREAMS;
    }),

    handle(contract.listOrders, async ({ query, principal }) => {
      const page = await listOrders(orders, principal.subject, query);
      return page.ok ? ok(page.value) : problem(400, page.rejection, 'The cursor is not one of ours.');
    }),

    handle(contract.cancelOrder, async ({ params, principal, signal }) => {
      const number = legacyNumber(params.id);
      if (number !== undefined)
        return replyCancelled(await cancelMovedOrder(number, principal.subject, signal), viewMoved);
      return replyCancelled(await cancelOrder(params.id, principal.subject, signal), viewOrder);
    }),
  ];
}

type CancelOutcome<T> =
  | { readonly kind: 'not-found' | 'too-late' }
  | { readonly kind: 'cancelled' | 'requested'; readonly order: T };

function replyCancelled<T>(outcome: CancelOutcome<T>, view: (order: T) => OrderView) {
  if (!('order' in outcome))
    return outcome.kind === 'not-found'
      ? NOT_FOUND
      : problem(409, 'too-late', 'The order is already being shipped.');
  return outcome.kind === 'cancelled' ? ok(view(outcome.order)) : accepted(view(outcome.order));
}

const viewMoved = ({ number, content }: MovedOrder): OrderView => ({ id: legacyId(number), ...content });

const TOO_MANY_STREAMS = {
  ...problem(429, 'too-many-streams', 'Too many orders are followed at once.'),
  headers: { 'retry-after': '5' },
};
const NOT_FOUND = problem(404, 'order-not-found', 'There is no such order.');

function toCustomer(principal: Principal): Customer {
  const { subject, email, name, tenantId } = principal;
  return { id: subject, ...(email && { email }), ...(name && { name }), ...(tenantId && { tenantId }) };
}

function replyAbout(orderId: string, response: OrderResponse) {
  const headers = { location: `/orders/${orderId}` };
  switch (response.kind) {
    case 'confirmed':
      return created(response.order, headers);
    case 'underway':
      return accepted(response.order, headers);
    case 'refused': {
      const { code, detail, ...facts } = response.refusal;
      return { ...problem(422, code, detail, facts), headers };
    }
  }
}

type Refused = Extract<PlaceOrderOutcome, { kind: 'refused' }>['rejection'];

function replyRefused(rejection: Refused, items: readonly RequestedItem[]): ProblemReply {
  switch (rejection.code) {
    case 'unknown-product':
      return problem(422, rejection.code, 'A product does not exist.', {
        errors: errorsAt(items, rejection.productIds, 'productId', 'does not exist'),
      });
    case 'quantity-limit': {
      const message = `must be at most ${contract.MAX_QUANTITY} of one product, all lines together`;
      return problem(422, rejection.code, 'An order cannot hold so many of one product.', {
        errors: errorsAt(items, rejection.productIds, 'quantity', message),
      });
    }
    case 'total-changed': {
      const { total, lines } = rejection;
      return problem(409, rejection.code, 'The order costs something else now.', { total, items: lines });
    }
    case 'quote-changed':
      return problem(409, rejection.code, 'The order costs something else than the quote says now.', {
        quote: rejection.quote,
      });
    case 'quote-expired':
      return problem(409, rejection.code, 'The quote has expired: ask for a new one.');
    case 'quote-unknown':
      return problem(422, rejection.code, 'You have no such quote.');
    case 'no-price':
      return problem(422, rejection.code, 'A product is not sold in the currency of the quote.');
    case 'coupon-unknown':
      return problem(422, rejection.code, 'There is no such coupon.');
    case 'coupon-expired':
      return problem(422, rejection.code, 'The coupon has expired.');
    case 'coupon-used':
      return problem(422, rejection.code, 'The coupon has been used.');
    case 'mixed-currencies':
      return problem(422, rejection.code, 'The products are priced in different currencies.');
    case 'idempotency-key-reused':
      return problem(422, rejection.code, 'This Idempotency-Key was used for another order.', {
        ...(rejection.orderId !== undefined && { orderId: rejection.orderId }),
      });
    case 'idempotency-in-progress':
      return {
        ...problem(409, rejection.code, 'The first request with this key is still running.'),
        headers: { 'retry-after': '1' },
      };
  }
}

function errorsAt(
  items: readonly RequestedItem[],
  productIds: readonly string[],
  field: keyof RequestedItem,
  message: string,
) {
  return items.flatMap((item, index) =>
    productIds.includes(item.productId) ? [{ path: `/items/${index}/${field}`, message }] : [],
  );
}
