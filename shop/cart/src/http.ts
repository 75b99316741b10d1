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
import type { CartStore } from './cart-store.ts';
import type { ProductExists } from './catalogue.ts';
import { type CheckOutDeps, checkOut } from './check-out.ts';
import type { OrderResponse } from './order-client.ts';

export interface CartRoutes extends CheckOutDeps {
  readonly carts: CartStore;
  readonly productExists: ProductExists;
}

/** The routes of the cart service, and which status each outcome has. */
export function cartRoutes(deps: CartRoutes): readonly RouteHandler[] {
  const { carts, productExists } = deps;

  async function view(customerId: string) {
    const { items, updatedAt } = await carts.read(customerId);
    return ok({ items, updatedAt: updatedAt?.toISOString() ?? null });
  }

  return [
    handle(contract.getCart, ({ principal }) => view(principal.subject)),

    handle(contract.putCartItem, async ({ params: { productId }, body: { quantity }, principal, signal }) => {
      const customerId = principal.subject;
      if (quantity === 0) {
        await carts.remove(customerId, productId);
        return await view(customerId);
      }
      if (!(await productExists(productId, signal)))
        return problem(422, 'unknown-product', 'There is no such product.');
      const put = await carts.put(customerId, { productId, quantity }, contract.MAX_ORDER_LINES);
      return put
        ? await view(customerId)
        : problem(422, 'cart-full', `A cart holds ${contract.MAX_ORDER_LINES} different products at most.`);
    }),

    handle(contract.clearCart, async ({ principal }) => {
      await carts.clear(principal.subject);
      return noContent();
    }),

    handle(contract.checkOutCart, async ({ headers, body, principal, signal }) => {
      const idempotencyKey = headers['idempotency-key'] ?? '';
      if (idempotencyKey === '') return refuseKey('idempotency-key-required');
      if (!/^[\x21-\x7e]{1,255}$/.test(idempotencyKey)) return refuseKey('idempotency-key-invalid');
      const { subject: customerId, token } = principal;
      const request = { customerId, token, idempotencyKey, prefer: headers.prefer, details: body };
      const outcome = await checkOut(deps, request, signal);
      if (outcome.kind === 'answered') return passOn(outcome.response);
      return outcome.kind === 'empty'
        ? problem(422, 'cart-empty', 'There is nothing in the cart to order.')
        : refuseSecond(outcome.orderId);
    }),
  ];
}

function refuseKey(code: string): ProblemReply {
  return problem(400, code, 'Send an Idempotency-Key header of 1 to 255 visible characters.');
}

function refuseSecond(orderId: string | undefined) {
  const facts = orderId === undefined ? {} : { orderId };
  const known = orderId === undefined ? {} : { location: `/orders/${orderId}` };
  return {
    ...problem(409, 'checkout-in-progress', 'The cart is being ordered already, with another key.', facts),
    headers: { 'retry-after': '1', ...known },
  };
}

/** The order service's response as it is; only the headers that concern the client go with it. */
function passOn(response: OrderResponse) {
  const headers = pick(response.headers ?? {}, ['location', 'retry-after']);
  if (response.status === 201) return created(response.body, headers);
  if (response.status === 202) return accepted(response.body, headers);
  const {
    code,
    detail,
    type: _type,
    title: _title,
    status: _status,
    traceId: _traceId,
    ...facts
  } = response.body;
  const text = typeof detail === 'string' ? detail : undefined;
  return { ...problem(response.status, String(code), text, facts), headers };
}

function pick(headers: Readonly<Record<string, string>>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => names.includes(name)));
}
