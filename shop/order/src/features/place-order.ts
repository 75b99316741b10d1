import { createHash } from 'node:crypto';
import {
  type Clock,
  canonicalJson,
  crashPoint,
  type Money,
  type NewId,
  type Result,
  reject,
} from '@flotilla/kernel';
import type { Database, Transaction } from '@flotilla/postgres';
import { MAX_QUANTITY } from '@shop/contracts';
import {
  type Address,
  type Customer,
  isSameMoney,
  mergeItems,
  type Order,
  type OrderLine,
  overLimit,
  type PricedItems,
  type PricedProduct,
  priceItems,
  type RequestedItem,
} from '../domain/order.ts';
import type { IdempotencyRecord, IdempotencyStore } from '../idempotency-store.ts';
import type { OrderResponse } from '../order-response.ts';
import type { OrderStore } from '../order-store.ts';
import type { AgreementRejection, Participants } from '../participants.ts';
import type { AwaitOrder } from './await-order.ts';

export interface PlaceOrder {
  readonly customer: Customer;
  readonly idempotencyKey: string;
  /** How long the client wants to wait for the end; `undefined`: answer as soon as the order is accepted. */
  readonly waitMs: number | undefined;
  readonly items: readonly RequestedItem[];
  readonly payment: { readonly token: string };
  readonly shippingAddress: Address;
  /** What the customer agreed to pay: an order that costs anything else is not accepted. */
  readonly expectedTotal?: Money;
  /** What the customer agreed to, or wants it to be reduced by; without either it costs what the price list says. */
  readonly quoteId?: string;
  readonly coupon?: string;
}

export type PlaceOrderOutcome =
  | { readonly kind: 'answered'; readonly orderId: string; readonly response: OrderResponse }
  | { readonly kind: 'refused'; readonly rejection: AgreementRejection | TotalChanged | KeyConflict };

/** It costs something else than the customer agreed to. Nothing was recorded, the key stays free. */
export interface TotalChanged {
  readonly code: 'total-changed';
  readonly total: Money;
  readonly lines: readonly OrderLine[];
}

export interface KeyConflict {
  readonly code: 'idempotency-key-reused' | 'idempotency-in-progress';
  /** The order that the key was used for. */
  readonly orderId?: string;
}

export interface PlaceOrderDeps {
  readonly db: Database;
  readonly orders: OrderStore;
  readonly keys: IdempotencyStore;
  readonly lookUpProducts: (ids: readonly string[], signal: AbortSignal) => Promise<readonly PricedProduct[]>;
  readonly agreeOnPrice: Participants['agreeOnPrice'];
  /** Starts everything that follows an accepted order, in its transaction. */
  readonly begin: (tx: Transaction, order: Order, payment: { readonly token: string }) => Promise<void>;
  readonly awaitOrder: AwaitOrder;
  readonly clock: Clock;
  readonly newId: NewId;
}

/** How long a replay waits for the first request when it has no wish of its own. */
const REPLAY_WAIT_MS = 2_000;

/**
 * Accepts an order exactly once for each idempotency key: key, order, its events and the process that it will run
 * by are one transaction. Prices are looked up before it, because nothing remote happens inside a transaction.
 */
export function createPlaceOrder(
  deps: PlaceOrderDeps,
): (request: PlaceOrder, signal: AbortSignal) => Promise<PlaceOrderOutcome> {
  return async (request, signal) => {
    const requestHash = hashRequest(request);
    const known = await deps.keys.find(request.customer.id, request.idempotencyKey);
    if (known) return await replay(deps, known, request, requestHash, signal);

    const priced = await price(deps, request, signal);
    if (!priced.ok) return { kind: 'refused', rejection: priced.rejection };

    const order = newOrder(deps, request, priced.value);
    const accepted = await accept(deps, order, request, requestHash);
    if (!accepted) {
      const twin = await deps.keys.find(request.customer.id, request.idempotencyKey);
      if (twin) return await replay(deps, twin, request, requestHash, signal);
      return { kind: 'refused', rejection: { code: 'idempotency-in-progress' } };
    }
    crashPoint('order.after-place-commit');
    const response =
      accepted.response ?? (await answerWhenDone(deps, order.id, request, request.waitMs ?? 0, signal));
    return { kind: 'answered', orderId: order.id, response };
  };
}

/** What is ordered at the prices of now, if it may be ordered and costs what the customer expects. */
async function price(
  deps: PlaceOrderDeps,
  request: PlaceOrder,
  signal: AbortSignal,
): Promise<Result<PricedItems, AgreementRejection | TotalChanged>> {
  const priced = await priceByListOrQuote(deps, request, signal);
  if (!priced.ok) return priced;
  const { lines, total } = priced.value;
  if (request.expectedTotal && !isSameMoney(request.expectedTotal, total))
    return reject({ code: 'total-changed', total, lines });
  return priced;
}

async function priceByListOrQuote(
  deps: PlaceOrderDeps,
  { customer, shippingAddress, quoteId, coupon, ...request }: PlaceOrder,
  signal: AbortSignal,
): Promise<Result<PricedItems, AgreementRejection>> {
  const items = mergeItems(request.items);
  // Each line is within its limit; their sum may not be.
  const tooMany = overLimit(items, MAX_QUANTITY);
  if (tooMany.length > 0) return reject({ code: 'quantity-limit', productIds: tooMany });
  if (quoteId !== undefined || coupon !== undefined) {
    const agreedOn = { ...(quoteId !== undefined && { quoteId }), ...(coupon !== undefined && { coupon }) };
    const { country } = shippingAddress;
    return await deps.agreeOnPrice({ customerId: customer.id, items, country, ...agreedOn }, signal);
  }
  const products = await deps.lookUpProducts(
    items.map((item) => item.productId),
    signal,
  );
  return priceItems(items, products);
}

function hashRequest({
  items,
  payment,
  shippingAddress,
  expectedTotal,
  quoteId,
  coupon,
}: PlaceOrder): string {
  const said = {
    ...{ items, payment, shippingAddress },
    ...(expectedTotal && { expectedTotal }),
    ...(quoteId !== undefined && { quoteId }),
    ...(coupon !== undefined && { coupon }),
  };
  return createHash('sha256').update(canonicalJson(said)).digest('base64url');
}

function newOrder(
  deps: PlaceOrderDeps,
  request: PlaceOrder,
  { lines, total, agreement }: PricedItems,
): Order {
  const now = deps.clock.now();
  return {
    id: deps.newId(),
    customer: request.customer,
    idempotencyKey: request.idempotencyKey,
    status: 'Pending',
    lines,
    total,
    ...(agreement && { agreement }),
    shippingAddress: request.shippingAddress,
    createdAt: now,
    updatedAt: now,
    history: [{ status: 'Pending', at: now }],
  };
}

/** `undefined` when the key was taken by a twin in the meantime. */
async function accept(
  deps: PlaceOrderDeps,
  order: Order,
  request: PlaceOrder,
  requestHash: string,
): Promise<{ readonly response?: OrderResponse } | undefined> {
  // Who does not wait has its answer already, so it is recorded with the order.
  const response = request.waitMs === undefined ? deps.awaitOrder.response(order) : undefined;
  return await deps.db.transaction(async (tx) => {
    const claim = {
      customerId: order.customer.id,
      key: request.idempotencyKey,
      requestHash,
      orderId: order.id,
    };
    if (!(await deps.keys.claim(tx, { ...claim, ...(response && { response }) }))) return undefined;
    await deps.orders.insert(tx, order);
    await deps.begin(tx, order, request.payment);
    crashPoint('order.before-place-commit');
    return response ? { response } : {};
  });
}

async function replay(
  deps: PlaceOrderDeps,
  known: IdempotencyRecord,
  request: PlaceOrder,
  requestHash: string,
  signal: AbortSignal,
): Promise<PlaceOrderOutcome> {
  if (known.requestHash !== requestHash)
    return { kind: 'refused', rejection: { code: 'idempotency-key-reused', orderId: known.orderId } };
  const { orderId } = known;
  const response = known.response ?? (await answerOfFirst(deps, orderId, request, signal));
  if (!response) return { kind: 'refused', rejection: { code: 'idempotency-in-progress' } };
  return { kind: 'answered', orderId, response };
}

/**
 * The first request is still waiting, or its process died while it did. Wait for the order to end: then
 * whoever records first decides the answer, and both give the same.
 */
async function answerOfFirst(
  deps: PlaceOrderDeps,
  orderId: string,
  request: PlaceOrder,
  signal: AbortSignal,
): Promise<OrderResponse | undefined> {
  const ended = await deps.awaitOrder.ended(
    orderId,
    request.customer.id,
    request.waitMs ?? REPLAY_WAIT_MS,
    signal,
  );
  if (ended)
    return await deps.keys.record(
      request.customer.id,
      request.idempotencyKey,
      deps.awaitOrder.response(ended),
    );
  return (await deps.keys.find(request.customer.id, request.idempotencyKey))?.response;
}

async function answerWhenDone(
  deps: PlaceOrderDeps,
  orderId: string,
  request: PlaceOrder,
  waitMs: number,
  signal: AbortSignal,
): Promise<OrderResponse> {
  const { customer, idempotencyKey } = request;
  const order =
    (await deps.awaitOrder.ended(orderId, customer.id, waitMs, signal)) ??
    (await deps.awaitOrder.now(orderId, customer.id));
  crashPoint('order.before-answer-recorded');
  const recorded = await deps.keys.record(customer.id, idempotencyKey, deps.awaitOrder.response(order));
  crashPoint('order.after-answer-recorded');
  return recorded;
}
