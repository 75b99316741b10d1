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

export interface Order {
  readonly id: string;
  readonly customer: Customer;
  readonly idempotencyKey: string;
  readonly status: OrderStatus;
  readonly lines: readonly OrderLine[];
  readonly total: Money;
  readonly shippingAddress: Address;
  readonly cancellationReason?: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly history: readonly { readonly status: OrderStatus; readonly at: Date }[];
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

export type PricingRejection =
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

/** Lines of the same product are one line: the customer wants the sum. */
export function mergeItems(items: readonly RequestedItem[]): readonly RequestedItem[] {
  const quantities = new Map<string, number>();
  for (const item of items)
    quantities.set(item.productId, (quantities.get(item.productId) ?? 0) + item.quantity);
  return [...quantities].map(([productId, quantity]) => ({ productId, quantity }));
}

/** Prices what was asked for by the catalogue; whatever the client thinks it costs plays no role. */
export function priceItems(
  items: readonly RequestedItem[],
  catalogue: readonly PricedProduct[],
): Result<{ readonly lines: readonly OrderLine[]; readonly total: Money }, PricingRejection> {
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
