import { accept, type Money, multiplyMoney, type Result, reject, sumMoney } from '@flotilla/kernel';
import type { OrderStatus } from '@shop/contracts';

/** One product of an order at the price it is sold for. */
export interface OrderLine {
  readonly productId: string;
  readonly name: string;
  readonly quantity: number;
  readonly unitPrice: Money;
}

export interface Address {
  readonly name: string;
  readonly line1: string;
  readonly city: string;
  readonly postalCode: string;
  readonly country: string;
}

export interface Customer {
  readonly id: string;
  readonly email?: string;
  readonly name?: string;
  readonly tenantId?: string;
}

/** A discount and its reason. */
export interface Reduction {
  readonly code: string;
  readonly name: string;
  readonly amount: Money;
}

/** What the price of an order was agreed on, when it is not that of the price list. */
export interface Agreement {
  readonly quoteId: string;
  /** Of lines and of the order: with shipping they make the total out of the lines. */
  readonly discounts: readonly Reduction[];
  readonly shipping: Money;
  readonly tax: Money;
  /** One that took something off, and so is used by the order. */
  readonly coupon?: UsedCoupon;
}

export interface UsedCoupon {
  readonly code: string;
  readonly discount: Money;
}

export interface Order {
  readonly id: string;
  readonly customer: Customer;
  readonly idempotencyKey: string;
  readonly status: OrderStatus;
  readonly lines: readonly OrderLine[];
  readonly total: Money;
  readonly agreement?: Agreement;
  readonly shippingAddress: Address;
  readonly cancellationReason?: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly history: readonly { readonly status: OrderStatus; readonly at: Date }[];
}

/** What happened to an order, oldest first. Times are ISO 8601, as they are stored. */
export type OrderEvent =
  | { readonly type: 'order-placed'; readonly data: PlacedOrder }
  | { readonly type: 'inventory-reserved'; readonly data: { readonly at: string } }
  | { readonly type: 'payment-processed'; readonly data: { readonly at: string } }
  | { readonly type: 'order-confirmed'; readonly data: { readonly at: string } }
  | { readonly type: 'order-cancelled'; readonly data: { readonly at: string; readonly reason: string } };

export interface PlacedOrder
  extends Pick<Order, 'customer' | 'idempotencyKey' | 'lines' | 'total' | 'agreement' | 'shippingAddress'> {
  readonly at: string;
}

export type OrderCommand =
  | { readonly kind: 'place'; readonly order: Order }
  | { readonly kind: 'advance'; readonly to: OrderStatus; readonly at: Date; readonly reason?: string };

/** What the rules need to know of an order; `undefined` before it was placed. */
export interface OrderState {
  readonly status: OrderStatus;
}

export interface RequestedItem {
  readonly productId: string;
  readonly quantity: number;
}

/** A product as the catalogue sells it right now. */
export interface PricedProduct {
  readonly id: string;
  readonly name: string;
  readonly price: Money;
}

export interface PricedItems {
  readonly lines: readonly OrderLine[];
  readonly total: Money;
  readonly agreement?: Agreement;
}

export type PricingRejection =
  | { readonly code: 'quantity-limit'; readonly productIds: readonly string[] }
  | { readonly code: 'unknown-product'; readonly productIds: readonly string[] }
  | { readonly code: 'mixed-currencies' };

/** The legal life of an order: nothing leaves a terminal state. */
const NEXT: Readonly<Record<OrderStatus, readonly OrderStatus[]>> = {
  Pending: ['InventoryReserved', 'Cancelled'],
  InventoryReserved: ['PaymentProcessed', 'Cancelled'],
  PaymentProcessed: ['Confirmed', 'Cancelled'],
  Confirmed: [],
  Cancelled: [],
};

export function canBecome(from: OrderStatus, to: OrderStatus): boolean {
  return NEXT[from].includes(to);
}

export function isTerminal(status: OrderStatus): boolean {
  return NEXT[status].length === 0;
}

/** The status that an order has after an event. */
export const STATUS_AFTER: Readonly<Record<OrderEvent['type'], OrderStatus>> = {
  'order-placed': 'Pending',
  'inventory-reserved': 'InventoryReserved',
  'payment-processed': 'PaymentProcessed',
  'order-confirmed': 'Confirmed',
  'order-cancelled': 'Cancelled',
};

/** The rules of an order: its events are its state. */
export const orderDecider = {
  initial: undefined as OrderState | undefined,
  decide: (
    command: OrderCommand,
    state: OrderState | undefined,
  ): Result<readonly OrderEvent[], 'illegal-transition'> => {
    if (command.kind === 'place')
      return state === undefined ? accept([placed(command.order)]) : reject('illegal-transition');
    if (state === undefined || !canBecome(state.status, command.to)) return reject('illegal-transition');
    return accept([advanced(command.to, command.at.toISOString(), command.reason)]);
  },
  evolve: (_state: OrderState | undefined, event: OrderEvent): OrderState => ({
    status: STATUS_AFTER[event.type],
  }),
};

function placed({ agreement, createdAt, ...order }: Order): OrderEvent {
  const { customer, idempotencyKey, lines, total, shippingAddress } = order;
  const at = createdAt.toISOString();
  const agreed = agreement && { agreement };
  return {
    type: 'order-placed',
    data: { customer, idempotencyKey, lines, total, ...agreed, shippingAddress, at },
  };
}

function advanced(to: OrderStatus, at: string, reason: string = 'cancelled'): OrderEvent {
  switch (to) {
    case 'InventoryReserved':
      return { type: 'inventory-reserved', data: { at } };
    case 'PaymentProcessed':
      return { type: 'payment-processed', data: { at } };
    case 'Confirmed':
      return { type: 'order-confirmed', data: { at } };
    case 'Cancelled':
      return { type: 'order-cancelled', data: { at, reason } };
    case 'Pending':
      throw new RangeError('no order becomes Pending');
  }
}

/** Lines of the same product are one line: the customer wants the sum. */
export function mergeItems(items: readonly RequestedItem[]): readonly RequestedItem[] {
  const quantities = new Map<string, number>();
  for (const item of items)
    quantities.set(item.productId, (quantities.get(item.productId) ?? 0) + item.quantity);
  return [...quantities].map(([productId, quantity]) => ({ productId, quantity }));
}

/** Products of which more is wanted than one order may hold, all their lines together. */
export function overLimit(items: readonly RequestedItem[], maxQuantity: number): readonly string[] {
  return items.filter(({ quantity }) => quantity > maxQuantity).map(({ productId }) => productId);
}

export function isSameMoney(a: Money, b: Money): boolean {
  return a.amountMinor === b.amountMinor && a.currency === b.currency;
}

/** Prices what was asked for by the catalogue; whatever the client thinks it costs plays no role. */
export function priceItems(
  items: readonly RequestedItem[],
  catalogue: readonly PricedProduct[],
): Result<PricedItems, PricingRejection> {
  const products = new Map(catalogue.map((product) => [product.id, product]));
  const lines: OrderLine[] = [];
  const unknown: string[] = [];
  for (const { productId, quantity } of items) {
    const product = products.get(productId);
    if (product) lines.push({ productId, name: product.name, quantity, unitPrice: product.price });
    else unknown.push(productId);
  }
  if (unknown.length > 0) return reject({ code: 'unknown-product', productIds: unknown });
  if (new Set(lines.map((line) => line.unitPrice.currency)).size > 1)
    return reject({ code: 'mixed-currencies' });
  return accept({
    lines,
    total: sumMoney(lines.map((line) => multiplyMoney(line.unitPrice, line.quantity))),
  });
}
